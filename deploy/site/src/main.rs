//! `site-build`: makes the site of a compiled front end. `cargo deploy` runs it.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

use std::{collections::HashMap, env, ffi::OsString, path::PathBuf, process::ExitCode, time::Instant};

use site_build::Site;

/// How it is called.
const USAGE: &str = "usage: site-build --wasm FILE --style FILE --assets FOLDER --name NAME --folder FOLDER --hash-file FILE \
                     [--wasm-opt PROGRAM] [--esbuild PROGRAM]";

fn main() -> ExitCode {
    let site = match parse(env::args_os().skip(1)) {
        Ok(site) => site,
        Err(why) => {
            eprintln!("site-build: {why}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let began = Instant::now();
    let progress = |next: &str| println!("   {next} (at {:.1} s)", began.elapsed().as_secs_f32());
    match site.build(progress) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("site-build: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line: options with a value each.
fn parse(mut args: impl Iterator<Item = OsString>) -> Result<Site, String> {
    let mut given: HashMap<String, OsString> = HashMap::new();
    while let Some(option) = args.next() {
        let option = option.to_string_lossy().into_owned();
        let value = args.next().ok_or_else(|| format!("{option} needs a value"))?;
        if given.insert(option.clone(), value).is_some() {
            return Err(format!("{option} is given twice"));
        }
    }
    let path = |value: Option<OsString>| value.map(PathBuf::from);
    let mut required = |option: &str| given.remove(option).ok_or_else(|| format!("{option} is missing"));
    let site = Site {
        wasm: required("--wasm")?.into(),
        style: required("--style")?.into(),
        assets: required("--assets")?.into(),
        name: required("--name")?
            .into_string()
            .map_err(|name| format!("--name {} is not UTF-8", name.display()))?,
        folder: required("--folder")?.into(),
        hash_file: required("--hash-file")?.into(),
        wasm_opt: path(given.remove("--wasm-opt")),
        esbuild: path(given.remove("--esbuild")),
    };
    match given.into_keys().min() {
        Some(unknown) => Err(format!("{unknown} is no option")),
        None => Ok(site),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: &str =
        "--wasm a.wasm --style a.css --assets public --name a --folder site --hash-file hash.txt";

    fn parsed(line: &str) -> Result<Site, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn tools_may_be_left_out() {
        let site = parsed(COMPLETE).unwrap();
        assert_eq!((site.name.as_str(), site.wasm_opt, site.esbuild), ("a", None, None));
        let site = parsed(&format!("{COMPLETE} --esbuild /bin/esbuild")).unwrap();
        assert_eq!(site.esbuild, Some(PathBuf::from("/bin/esbuild")));
    }

    #[test]
    fn a_bad_command_line_says_what_is_wrong() {
        for (line, why) in [
            ("--wasm a.wasm", "--style is missing"),
            ("--wasm", "--wasm needs a value"),
            ("--wasm a --wasm b", "--wasm is given twice"),
        ] {
            assert_eq!(parsed(line).unwrap_err(), why);
        }
        assert_eq!(parsed(&format!("{COMPLETE} --fast yes")).unwrap_err(), "--fast is no option");
    }
}
