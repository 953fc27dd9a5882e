//! Problems as a person reads them: title, place, excerpt with the culprit underlined, what was expected, a hint.
//!
//! Only the lines around a place are handed to the drawing, and places of one problem that lie apart get excerpts of
//! their own. Masked text never reaches it.
//!
//! It writes to nothing: the caller prints.

use super::problem::{Problem, Problems, Severity};
use super::source::{Place, Sources, disturbs, floor_boundary, place};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::ops::Range;

/// Places of one problem this near share an excerpt.
const NEAR_LINES: usize = 6;

/// One line longer than this is cut in excerpts; bytes.
const MAX_LINE: usize = 400;

impl Problems {
    /// All problems as text, each ending in an empty line; with terminal colours if asked for.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for problem in &self.list {
            let group = draw(&self.sources, problem);
            text.push_str(&renderer.render(&[group]));
            text.push_str("\n\n");
        }
        text
    }

    /// `2 errors, 1 warning`.
    pub fn summary(&self) -> String {
        let plural = |count: usize, word: &str| match count {
            1 => format!("1 {word}"),
            _ => format!("{count} {word}s"),
        };
        let shown = match (self.errors(), self.warnings()) {
            (0, 0) => "no problems".to_owned(),
            (errors, 0) => plural(errors, "error"),
            (0, warnings) => plural(warnings, "warning"),
            (errors, warnings) => {
                format!("{}, {}", plural(errors, "error"), plural(warnings, "warning"))
            }
        };
        match self.left_out {
            0 => shown,
            more => format!("{shown}, and {more} more that are not shown"),
        }
    }
}

fn draw<'a>(sources: &Sources, problem: &'a Problem) -> Group<'a> {
    let level = match problem.kind.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = match problem.path.as_str() {
        "" => problem.said.clone(),
        path => format!("{path}: {}", problem.said),
    };
    let title = level.primary_title(harmless(&title)).id(problem.kind.code());
    let mut group = Group::with_title(title);
    for snippet in snippets(sources, problem) {
        group = group.element(snippet);
    }
    if let Some(expected) = &problem.expected {
        group = group.element(Level::NOTE.with_name("expected").message(harmless(expected)));
    }
    if let Some(hint) = &problem.hint {
        group = group.element(Level::HELP.with_name("hint").message(harmless(hint)));
    }
    group
}

/// Text without characters that a terminal obeys; values of the file come back in messages.
fn harmless(text: &str) -> String {
    text.replace(disturbs, "\u{fffd}")
}

/// One excerpt: the lines `lines` of a file (as a range of bytes) and what is said about parts of them.
struct Excerpt<'a> {
    file: u16,
    lines: Range<usize>,
    marks: Vec<(AnnotationKind, Range<usize>, &'a str)>,
}

fn snippets<'a>(
    sources: &Sources,
    problem: &'a Problem,
) -> Vec<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let primary = problem.place.map(|place| (AnnotationKind::Primary, place, &*problem.label));
    let others =
        problem.also.iter().map(|(place, label)| (AnnotationKind::Context, *place, &**label));
    let mut excerpts: Vec<Excerpt<'a>> = Vec::new();
    for (kind, place, label) in primary.into_iter().chain(others) {
        let mark = first_line_of(sources, place);
        let lines = whole_lines(sources, place.file, &mark);
        let near = excerpts
            .iter_mut()
            .find(|each| each.file == place.file && distance(sources, each, &lines) <= NEAR_LINES);
        if let Some(near) = near {
            near.lines = near.lines.start.min(lines.start)..near.lines.end.max(lines.end);
            near.marks.push((kind, mark, label));
        } else {
            excerpts.push(Excerpt { file: place.file, lines, marks: vec![(kind, mark, label)] });
        }
    }
    excerpts.into_iter().map(|excerpt| snippet(sources, excerpt)).collect()
}

fn snippet<'a>(
    sources: &Sources,
    excerpt: Excerpt<'a>,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let Excerpt { file, lines, marks } = excerpt;
    let source = sources.get(file);
    let (first_line, _) = sources.line_and_column(place(file, &lines));
    let text = sources.excerpt(file, lines.clone());
    let mut snippet = Snippet::source(text)
        .line_start(first_line)
        .path(source.path.display().to_string())
        .fold(false);
    for (kind, mark, label) in marks {
        let span = mark.start - lines.start..mark.end - lines.start;
        let annotation = kind.span(span);
        snippet = snippet.annotation(match label {
            "" => annotation,
            label => annotation.label(harmless(label)),
        });
    }
    snippet
}

/// The part of a place on its first line, at least one character long where there is one.
fn first_line_of(sources: &Sources, place: Place) -> Range<usize> {
    let text = &sources.get(place.file).text;
    let start = floor_boundary(text, place.start as usize);
    let end = floor_boundary(text, (place.end as usize).max(start));
    let line_end = text[start..].find(['\n', '\r']).map_or(text.len(), |at| start + at);
    let end = end.min(line_end);
    let next = text[start..line_end].chars().next().map_or(start, |first| start + first.len_utf8());
    start..end.max(next)
}

/// The lines that `mark` touches, without the last line break; a line of absurd length is cut around the mark.
fn whole_lines(sources: &Sources, file: u16, mark: &Range<usize>) -> Range<usize> {
    let text = &sources.get(file).text;
    let start = text[..mark.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[mark.end..].find('\n').map_or(text.len(), |at| mark.end + at);
    let start = if mark.start - start > MAX_LINE {
        floor_boundary(text, mark.start - MAX_LINE)
    } else {
        start
    };
    let end =
        if end - mark.end > MAX_LINE { floor_boundary(text, mark.end + MAX_LINE) } else { end };
    start..end.max(mark.end)
}

fn distance(sources: &Sources, excerpt: &Excerpt<'_>, lines: &Range<usize>) -> usize {
    let text = &sources.get(excerpt.file).text;
    let between = if lines.start >= excerpt.lines.end {
        excerpt.lines.end..lines.start
    } else if excerpt.lines.start >= lines.end {
        lines.end..excerpt.lines.start
    } else {
        return 0;
    };
    text[between].matches('\n').count()
}
