//! Every screen as a person sees it: bytes in, a terminal's screen out.

#[path = "screens/home.rs"]
mod home;
#[path = "support/shelter.rs"]
mod shelter;
#[path = "screens/sign_in.rs"]
mod sign_in;
#[path = "support/terminal.rs"]
mod terminal;
