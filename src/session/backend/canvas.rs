//! What frames are drawn on: a few canvases that all sessions of the process share.
//!
//! A cell of ratatui is large and its terminal keeps two of each. A session needs them only while it draws, so it
//! borrows them for that long; between frames it keeps no more than what its terminal shows.

use std::{
    convert::Infallible,
    num::NonZeroUsize,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use ratatui::{
    Frame, Terminal,
    backend::{Backend, ClearType, WindowSize},
    buffer::{Buffer, Cell},
    layout::{Position, Size},
};

use super::Glyph;

/// How many canvases there are at least and at most; between, as many as there are cores. One of the largest takes
/// some 4 MB.
const COUNT: (usize, usize) = (4, 8);

static POOL: Pool = Pool { state: Mutex::new(State { free: Vec::new(), lent: 0 }), returned: Condvar::new() };

struct Pool {
    state: Mutex<State>,
    returned: Condvar,
}

struct State {
    free: Vec<Canvas>,
    lent: usize,
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cells to draw on, and to see them as the terminal would.
pub struct Canvas {
    terminal: Terminal<Blank>,
    /// The frame as the terminal is to show it.
    pub glyphs: Vec<Glyph>,
}

impl Canvas {
    fn new() -> Self {
        let Ok(terminal) = Terminal::new(Blank::default());
        Self { terminal, glyphs: Vec::new() }
    }

    /// Draws a frame of a size and has it read, cell by cell, into the glyphs. Answers where the cursor is to be.
    pub fn paint(
        &mut self,
        (width, height): (u16, u16),
        draw: impl FnOnce(&mut Frame<'_>),
        read: impl FnOnce(&Buffer, &mut Vec<Glyph>),
    ) -> Option<Position> {
        let glyphs = &mut self.glyphs;
        self.terminal.backend_mut().size = Size { width, height };
        let Ok(_) = self.terminal.draw(|frame| {
            draw(frame);
            read(frame.buffer_mut(), glyphs);
        });
        self.terminal.backend().cursor
    }
}

/// Lends a canvas, after waiting for one while all are lent: drawing is quick.
pub fn with<T>(f: impl FnOnce(&mut Canvas) -> T) -> T {
    let cores = thread::available_parallelism().map_or(COUNT.0, NonZeroUsize::get);
    let count = cores.clamp(COUNT.0, COUNT.1);
    let mut state = POOL.lock();
    while state.lent >= count {
        state = POOL.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    state.lent += 1;
    let canvas = state.free.pop();
    drop(state);
    let _place = Place;
    let mut canvas = canvas.unwrap_or_else(Canvas::new);
    // One that a panic left in the middle of a frame goes with it: nobody else is to see the rest.
    let done = f(&mut canvas);
    POOL.lock().free.push(canvas);
    done
}

/// Counts as lent until it is dropped.
struct Place;

impl Drop for Place {
    fn drop(&mut self) {
        POOL.lock().lent -= 1;
        POOL.returned.notify_one();
    }
}

/// The terminal of a canvas: it has a size, and remembers where the cursor was put.
#[derive(Default)]
struct Blank {
    size: Size,
    cursor: Option<Position>,
}

impl Backend for Blank {
    type Error = Infallible;

    fn draw<'a, I>(&mut self, _: I) -> Result<(), Infallible>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        // What differs is found out for the session that drew, not for the one before it.
        Ok(())
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        self.cursor = None;
        Ok(())
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        Ok(self.cursor.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        self.cursor = Some(position.into());
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn clear_region(&mut self, _: ClearType) -> Result<(), Infallible> {
        Ok(())
    }

    fn size(&self) -> Result<Size, Infallible> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        Ok(WindowSize { columns_rows: self.size, pixels: Size::default() })
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
