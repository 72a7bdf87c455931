use proptest::prelude::*;

use super::*;

fn up() -> impl Strategy<Value = Up> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..300);
    let hello = prop_oneof![
        (any::<(u16, u16)>(), prop::collection::vec(any::<(String, String)>(), 0..4))
            .prop_map(|(size, env)| Wants::Screens { size, env }),
        (prop::collection::vec(bytes(), 0..4), bytes(), any::<Option<u16>>(), any::<bool>())
            .prop_map(|(words, directory, width, interactive)| Wants::Command { words, directory, width, interactive }),
    ];
    prop_oneof![
        (any::<String>(), hello).prop_map(|(version, wants)| Up::Hello(Hello { version, wants })),
        bytes().prop_map(Up::Input),
        any::<(u16, u16)>().prop_map(|(columns, rows)| Up::Size(columns, rows)),
        Just(Up::Stop),
        any::<Option<String>>().prop_map(Up::Answer),
    ]
}

fn down() -> impl Strategy<Value = Down> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..300);
    prop_oneof![
        bytes().prop_map(Down::Output),
        bytes().prop_map(Down::Error),
        Just(Down::Want),
        (any::<bool>(), any::<String>()).prop_map(|(secret, prompt)| Down::Ask { secret, prompt }),
        any::<u8>().prop_map(Down::Exit),
    ]
}

/// Everything that comes out of the bytes when they are cut at these places, and how it ended.
fn decoded<F: Frame>(bytes: &[u8], cuts: &[prop::sample::Index]) -> (Vec<F>, Option<FrameError>) {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    let (mut frames, mut out) = (Frames::default(), Vec::new());
    for piece in places.windows(2) {
        frames.feed(&bytes[piece[0]..piece[1]]);
        loop {
            match frames.frame() {
                Ok(Some(frame)) => out.push(frame),
                Ok(None) => break,
                Err(e) => return (out, Some(e)),
            }
        }
        assert!(frames.pending() < HEAD + CONTENT_MAX);
    }
    (out, None)
}

fn sent<F: Frame>(frames: &[F]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frames.iter().for_each(|frame| send(&mut bytes, frame).unwrap());
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_goes_up_arrives_wherever_it_is_cut(
        frames in prop::collection::vec(up(), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        prop_assert_eq!(decoded::<Up>(&sent(&frames), &cuts), (frames, None));
    }

    #[test]
    fn what_comes_down_arrives_wherever_it_is_cut(
        frames in prop::collection::vec(down(), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        prop_assert_eq!(decoded::<Down>(&sent(&frames), &cuts), (frames, None));
    }

    #[test]
    fn any_bytes_are_frames_or_refused_and_cutting_them_changes_nothing(
        good in prop::collection::vec(up(), 0..3),
        bad in prop::collection::vec(prop_oneof![0u8..24, any::<u8>()], 0..400),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let bytes = [sent(&good), bad].concat();
        let whole = decoded::<Up>(&bytes, &[]);
        prop_assert_eq!(&decoded::<Up>(&bytes, &cuts), &whole);
        prop_assert_eq!(&whole.0[..good.len()], &good[..]);
        decoded::<Down>(&bytes, &cuts);
    }
}

#[test]
fn a_frame_that_claims_too_much_is_refused_before_it_comes() {
    let mut frames = Frames::default();
    frames.feed(&[2, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(frames.frame::<Up>(), Err(FrameError::TooLong));
}

#[test]
fn another_protocol_is_named_as_such() {
    let mut frames = Frames::default();
    frames.feed(&[1, 3, 0, 0, 0, PROTOCOL + 1, 9, 9]);
    assert_eq!(frames.frame::<Up>(), Err(FrameError::Protocol));
}

#[test]
fn output_longer_than_a_frame_is_cut_into_several() {
    let mut bytes = Vec::new();
    let long = vec![7; CONTENT_MAX * 2 + 1];
    Output::results(&mut bytes).write_all(&long).unwrap();
    let (frames, error) = decoded::<Down>(&bytes, &[]);
    assert_eq!((frames.len(), error), (3, None));
}
