//! Every screen as a person sees it: bytes in, a terminal's screen out.

#[path = "screens/any_key.rs"]
mod any_key;
#[path = "screens/anything.rs"]
mod anything;
#[path = "screens/cats.rs"]
mod cats;
#[path = "screens/home.rs"]
mod home;
#[path = "screens/queue.rs"]
mod queue;
#[path = "screens/requests.rs"]
mod requests;
#[path = "support/shelter.rs"]
mod shelter;
#[path = "screens/sign_in.rs"]
mod sign_in;
#[path = "support/terminal.rs"]
mod terminal;
#[path = "screens/triage.rs"]
mod triage;
