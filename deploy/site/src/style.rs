//! The style sheet: imports joined, made fit for the supported browsers, and minified by Lightning CSS.

use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
};

use lightningcss::{
    error::{Error as CssError, ErrorLocation},
    rules::{CssRule, CssRuleList, import::ImportRule},
    stylesheet::{MinifyOptions, ParserOptions, PrinterOptions, StyleSheet},
    targets::{Browsers, Targets},
};

use crate::error::{Error, Result, at};

/// A file with rules, and no imports of others that are not in the list before it.
struct Source {
    path: PathBuf,
    text: String,
}

/// Makes one style sheet of this one and those that it imports.
pub(crate) fn bundle(path: &Path) -> Result<String> {
    let mut sources = Vec::new();
    collect(path, &mut Vec::new(), &mut sources)?;
    let mut rules = Vec::new();
    for (index, source) in (0..).zip(&sources) {
        let sheet = parse(&source.path, &source.text, index)?;
        // What they import comes before them.
        rules.extend(sheet.rules.0.into_iter().filter(|rule| !matches!(rule, CssRule::Import(_))));
    }
    let names = sources.iter().map(|source| source.path.display().to_string()).collect();
    let mut sheet = StyleSheet::new(names, CssRuleList(rules), ParserOptions::default());
    let targets = Targets::from(browsers());
    sheet.minify(MinifyOptions { targets, ..MinifyOptions::default() }).map_err(|e| wrong(path, &e))?;
    let options = PrinterOptions { targets, minify: true, ..PrinterOptions::default() };
    Ok(sheet.to_css(options).map_err(|error| wrong(path, &error))?.code)
}

/// Lists the files that a sheet imports, and then the sheet. `importing` are those that lead to it.
fn collect(path: &Path, importing: &mut Vec<PathBuf>, sources: &mut Vec<Source>) -> Result<()> {
    let text = at(path, fs::read_to_string(path))?;
    importing.push(path.to_owned());
    for rule in parse(path, &text, 0)?.rules.0 {
        let CssRule::Import(import) = rule else { continue };
        let line = import.loc.line + 1;
        let refused =
            |why: &str| Error::new(format!("{}:{line}: @import \"{}\" {why}", path.display(), import.url));
        let file = local(&import).ok_or_else(|| refused("names no local file, or has a condition"))?;
        let file = path.parent().unwrap_or(Path::new("")).join(file);
        if importing.contains(&file) || sources.iter().any(|source| source.path == file) {
            return Err(refused("names a file that is imported already"));
        }
        if !file.is_file() {
            return Err(refused("names a file that is not there"));
        }
        collect(&file, importing, sources)?;
    }
    importing.pop();
    sources.push(Source { path: path.to_owned(), text });
    Ok(())
}

/// The path of an import that stands for the rules of the file, always and everywhere.
fn local<'a>(import: &'a ImportRule<'_>) -> Option<&'a str> {
    let url: &str = &import.url;
    let is_plain =
        import.layer.is_none() && import.supports.is_none() && import.media.media_queries.is_empty();
    (is_plain && !url.contains(':') && !url.starts_with('/')).then_some(url)
}

/// Parses a file, of which the rules note the index.
fn parse<'a>(path: &Path, text: &'a str, index: u32) -> Result<StyleSheet<'a>> {
    let options = ParserOptions {
        filename: path.display().to_string(),
        source_index: index,
        ..ParserOptions::default()
    };
    StyleSheet::parse(text, options).map_err(|error| wrong(path, &error))
}

/// An error with its position as editors read it; that of Lightning CSS has lines from 0.
fn wrong<T: Display>(path: &Path, error: &CssError<T>) -> Error {
    let position = |at: &ErrorLocation| format!("{}:{}:{}", at.filename, at.line + 1, at.column);
    let position = error.loc.as_ref().map_or_else(|| path.display().to_string(), position);
    Error::caused(position, &error.kind)
}

/// The oldest browsers that the sheet is made for: what browserslist calls `defaults`, that is, all that more than one reader
/// in 200 uses, the last two versions of each, and Firefox ESR. Written down, so that the same source makes the same sheet.
fn browsers() -> Browsers {
    let version = |major: u32, minor: u32| Some((major << 16) | (minor << 8));
    Browsers {
        android: version(143, 0),
        chrome: version(109, 0),
        edge: version(142, 0),
        firefox: version(128, 0),
        ie: None,
        ios_saf: version(18, 5),
        opera: version(80, 0),
        safari: version(26, 1),
        samsung: version(28, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundled(files: &[(&str, &str)]) -> std::result::Result<String, String> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let shown = format!("{}/", dir.path().display());
        bundle(&dir.path().join(files[0].0)).map_err(|error| error.to_string().replace(&shown, ""))
    }

    #[test]
    fn imports_come_in_order_before_what_follows_them() {
        let files = [
            ("main.css", "@import \"a.css\";\n@import \"parts/b.css\";\nmain { color: red }"),
            ("a.css", "a { color: blue }"),
            ("parts/b.css", "@import \"c.css\"; b { color: lime }"),
            ("parts/c.css", "i { color: white }"),
        ];
        let css = bundled(&files).unwrap();
        assert_eq!(css, "a{color:#00f}i{color:#fff}b{color:#0f0}main{color:red}");
    }

    #[test]
    fn an_error_has_file_line_and_column() {
        let files = [("main.css", "@import \"a.css\";"), ("a.css", "a { color: red }\n\n  } b { }")];
        assert_eq!(bundled(&files).unwrap_err(), "a.css:3:3: Invalid empty selector");
        let files = [("main.css", "a { color: red }\n@import \"a.css\";")];
        let error = bundled(&files).unwrap_err();
        assert!(error.starts_with("main.css:2:8: @import rules must precede"), "{error}");
    }

    #[test]
    fn an_import_that_cannot_be_joined_is_refused_where_it_is() {
        let refused = |import: &str| {
            bundled(&[("main.css", &format!("/* first */\n@import {import};")), ("a.css", "")]).unwrap_err()
        };
        for import in ["\"https://example.com/a.css\"", "\"/a.css\"", "\"a.css\" print", "\"a.css\" layer(x)"]
        {
            let error = refused(import);
            assert!(error.starts_with("main.css:2: @import "), "{error}");
            assert!(error.ends_with("names no local file, or has a condition"), "{error}");
        }
        assert_eq!(refused("\"b.css\""), "main.css:2: @import \"b.css\" names a file that is not there");
    }

    #[test]
    fn a_file_is_imported_once() {
        let twice = [("main.css", "@import \"a.css\";\n@import \"a.css\";"), ("a.css", "")];
        let circle = [("main.css", "@import \"a.css\";"), ("a.css", "@import \"main.css\";")];
        for (files, at) in [(twice, "main.css:2: "), (circle, "a.css:1: ")] {
            let error = bundled(&files).unwrap_err();
            assert!(
                error.starts_with(at) && error.ends_with("names a file that is imported already"),
                "{error}"
            );
        }
    }

    #[test]
    fn old_browsers_get_what_they_know() {
        // Nesting came with Chrome 120, and the prefix is for Safari.
        let css = bundled(&[("main.css", "a { color: red; &:hover { user-select: none } }")]).unwrap();
        assert!(css.contains("a:hover{") && css.contains("-webkit-user-select:none"), "{css}");
    }
}
