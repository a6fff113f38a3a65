//! `tidemark migrate`.

use std::process::ExitCode;

use super::{fail, import::open_store};

/// Brings the schema to the version of this program.
pub(super) async fn run() -> ExitCode {
    let store = match open_store() {
        Ok(store) => store,
        Err(message) => return fail(message),
    };
    match store.migrate().await {
        Ok(()) => {
            println!("the database's schema is up to date");
            ExitCode::SUCCESS
        }
        Err(error) => fail(error),
    }
}
