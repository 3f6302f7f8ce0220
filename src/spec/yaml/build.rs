//! Builds the located tree from the events of the YAML parser, the only place that knows its crate.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use granit_parser::{
    ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput, StructureStyle,
    Tag as EventTag,
};

use super::alias::used_at;
use super::budget::Budget;
use super::key::{Key, key};
use super::mapping::{Pair, mapping};
use super::node::{Node, Scalar, ScalarKind, Value};
use super::places::Places;
use super::resolve::{Tag, resolve};
use super::syntax::{Explanation, explain, is_open_quote, is_tab};
use crate::model::finding::Finding;
use crate::model::place::Place;

/// Parsing cannot go on; the finding that says why is recorded.
struct Stop;

/// A value and how many levels it has; 1 for a scalar.
struct Built {
    node: Node,
    height: usize,
}

/// What an anchor stands for.
enum Anchor {
    /// Its value is still being read.
    Open,
    /// A value, and how many nodes it has with all in it.
    Complete(Rc<Built>, usize),
}

/// Builds one document.
pub(super) struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    places: Places<'a>,
    budget: &'a Budget,
    anchors: HashMap<usize, Anchor>,
    nodes: usize,
    /// Byte offset behind the last event.
    reached: usize,
    findings: Vec<Finding>,
}

impl<'a> Builder<'a> {
    /// A builder for `text`, which is the content of `file`.
    pub(super) fn new(text: &'a str, file: Arc<str>, budget: &'a Budget) -> Self {
        let mut options = Options::default();
        options.emit_unresolved_aliases = true;
        options.block_nesting_limit = budget.depth;
        options.flow_nesting_limit = budget.depth;
        Self {
            parser: Parser::new_from_str_with_options(text, options),
            places: Places { text, file },
            budget,
            anchors: HashMap::new(),
            nodes: 0,
            reached: 0,
            findings: Vec::new(),
        }
    }

    /// The only document of the file, null if there is none, and everything that is wrong.
    pub(super) fn document(mut self) -> (Node, Vec<Finding>) {
        let node = self.documents().ok().flatten();
        let node = node.unwrap_or_else(|| Node::null(Place::file(Arc::clone(&self.places.file))));
        (node, self.findings)
    }

    fn documents(&mut self) -> Result<Option<Node>, Stop> {
        let mut document = None;
        while let Some((event, span)) = self.next()? {
            let Event::DocumentStart(..) = event else { continue };
            let Some((event, content)) = self.next()? else { break };
            if document.is_none() {
                document = Some(self.node(event, &content, 1)?.node);
            } else if !is_empty(&event, &content) {
                let hint = "docker reads only the first document; put each into a file of its own";
                let finding =
                    Finding::error("yaml-documents", self.places.of(&span), "a second document");
                self.findings.push(finding.hint(hint));
                return Err(Stop);
            }
        }
        Ok(document)
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Stop> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => {
                self.reached = span.end.byte_offset().unwrap_or(0).max(self.reached);
                Ok(Some((event, span)))
            }
            Some(Err(error)) => Err(self.syntax_error(&error)),
        }
    }

    fn syntax_error(&mut self, error: &ScanError) -> Stop {
        let place = self.places.start(*error.marker());
        if *error.kind() == ErrorKind::RecursionLimitExceeded {
            return self.too_deep(place);
        }
        let tab = self.places.tab(*error.marker()).filter(|_| is_tab(error.kind()));
        let unread = error.marker().byte_offset().map(|failed| self.reached..failed);
        let quote = unread.and_then(|unread| self.places.opening_quote(unread));
        let Explanation { message, hint } = explain(error.kind());
        let quote = quote.filter(|_| is_open_quote(error.kind()));
        let finding = Finding::error("yaml-syntax", tab.or(quote).unwrap_or(place), message);
        self.findings.push(match hint {
            Some(hint) => finding.hint(hint),
            None => finding,
        });
        Stop
    }

    fn too_deep(&mut self, place: Place) -> Stop {
        let message = format!("values are nested more than {} levels deep", self.budget.depth);
        self.findings.push(Finding::error("yaml-too-deep", place, message));
        Stop
    }

    /// Takes `nodes` from the budget.
    fn spend(&mut self, nodes: usize, span: &Span) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= self.budget.nodes {
            return Ok(());
        }
        let message =
            format!("the file has more than {} values, aliases expanded", self.budget.nodes);
        self.findings.push(Finding::error("yaml-too-many-values", self.places.of(span), message));
        Err(Stop)
    }

    /// Reads the value that begins with `event`, at `depth` levels below the file.
    fn node(&mut self, event: Event<'a>, span: &Span, depth: usize) -> Result<Built, Stop> {
        if depth > self.budget.depth {
            return Err(self.too_deep(self.places.of(span)));
        }
        let before = self.nodes;
        self.spend(1, span)?;
        let (anchor, built) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, self.scalar(text.into_owned(), style, tag.as_deref(), span))
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.open(anchor);
                let (items, height, end) = self.items(depth)?;
                let built = Built {
                    node: self.collection(
                        Value::Sequence(items),
                        style,
                        span,
                        &end,
                        tag.as_deref(),
                    ),
                    height,
                };
                (anchor, built)
            }
            Event::MappingStart(style, anchor, tag) => {
                self.open(anchor);
                let (pairs, height, end) = self.pairs(depth)?;
                let value = Value::Mapping(mapping(pairs, &mut self.findings));
                (
                    anchor,
                    Built {
                        node: self.collection(value, style, span, &end, tag.as_deref()),
                        height,
                    },
                )
            }
            Event::Alias(anchor) => return self.alias(anchor, span, depth),
            Event::UnresolvedAlias(name) => {
                let place = self.places.of(span);
                let hint = "write the anchor above its use, in the same file; quote a text that begins with `*`";
                let message = format!("there is no anchor `&{name}`");
                self.findings.push(Finding::error("yaml-alias", place.clone(), message).hint(hint));
                return Ok(Built { node: Node::null(place), height: 1 });
            }
            // Every other event ends something and is consumed by whoever began it.
            _ => return Ok(Built { node: Node::null(self.places.of(span)), height: 1 }),
        };
        if anchor == 0 {
            return Ok(built);
        }
        let kept = Rc::new(Built { node: built.node.clone(), height: built.height });
        self.anchors.insert(anchor, Anchor::Complete(kept, self.nodes - before));
        Ok(built)
    }

    /// Notes that a value with an anchor has begun; 0 stands for none.
    fn open(&mut self, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor::Open);
        }
    }

    fn alias(&mut self, anchor: usize, span: &Span, depth: usize) -> Result<Built, Stop> {
        let place = self.places.of(span);
        let Some(Anchor::Complete(built, nodes)) = self.anchors.get(&anchor) else {
            let finding =
                Finding::error("yaml-alias", place.clone(), "a value cannot contain itself");
            self.findings
                .push(finding.hint("this alias stands inside the value of its own anchor"));
            return Ok(Built { node: Node::null(place), height: 1 });
        };
        let (built, nodes) = (Rc::clone(built), *nodes);
        if depth + built.height > self.budget.depth + 1 {
            return Err(self.too_deep(place));
        }
        // The alias counts already as one.
        self.spend(nodes.saturating_sub(1), span)?;
        Ok(Built { node: used_at(&built.node, &place), height: built.height })
    }

    fn items(&mut self, depth: usize) -> Result<(Vec<Node>, usize, Span), Stop> {
        let (mut items, mut height) = (Vec::new(), 1);
        while let Some((event, span)) = self.next()? {
            if event == Event::SequenceEnd {
                return Ok((items, height, span));
            }
            let item = self.node(event, &span, depth + 1)?;
            height = height.max(item.height + 1);
            items.push(item.node);
        }
        Err(Stop)
    }

    fn pairs(&mut self, depth: usize) -> Result<(Vec<Pair>, usize, Span), Stop> {
        let (mut pairs, mut height) = (Vec::new(), 1);
        let end = loop {
            match self.next() {
                Ok(Some((Event::MappingEnd, span))) => break Ok(span),
                Ok(Some((event, span))) => match self.pair(event, &span, depth, &mut pairs) {
                    Ok(levels) => height = height.max(levels + 1),
                    Err(stop) => break Err(stop),
                },
                Ok(None) => break Err(Stop),
                Err(stop) => break Err(stop),
            }
        };
        match end {
            Ok(end) => Ok((pairs, height, end)),
            Err(stop) => {
                // What was read before the file broke off may have errors of its own.
                mapping(pairs, &mut self.findings);
                Err(stop)
            }
        }
    }

    /// Reads a key and its value into `pairs`, unless the key is not text, and returns the height of the value.
    fn pair(
        &mut self,
        event: Event<'a>,
        span: &Span,
        depth: usize,
        pairs: &mut Vec<Pair>,
    ) -> Result<usize, Stop> {
        let known = self.findings.len();
        let merges = is_merge(&event);
        let node = self.node(event, span, depth + 1)?.node;
        let key_place = node.used_at.as_deref().unwrap_or(&node.place).clone();
        let key = if merges { Ok(Key::Merge) } else { key(node) };
        if let Err((message, hint)) = &key
            && known == self.findings.len()
        {
            let finding = Finding::error("yaml-key", key_place.clone(), *message);
            self.findings.push(finding.hint(hint));
        }
        let Some((event, span)) = self.next()? else { return Err(Stop) };
        let empty = is_empty(&event, &span);
        let Built { node: mut value, height } = self.node(event, &span, depth + 1)?;
        if empty {
            value.place = key_place.clone();
        }
        if let Ok(key) = key {
            pairs.push(Pair { key, key_place, value });
        }
        Ok(height)
    }

    fn scalar(
        &mut self,
        text: String,
        style: ScalarStyle,
        tag: Option<&EventTag>,
        span: &Span,
    ) -> Built {
        let place = self.places.of(span);
        let plain = style == ScalarStyle::Plain;
        // The parser makes `~` of a value that is not there.
        let text = if plain && is_absent(span) { String::new() } else { text };
        let dollars = match text.bytes().filter(|byte| *byte == b'$').count() {
            0 => Vec::new(),
            count => self.places.dollars(span, count),
        };
        let tag = classify(tag);
        let (text, kind) = resolve(text, plain, &tag).unwrap_or_else(|message| {
            self.findings.push(Finding::error("yaml-tag", place.clone(), message));
            (String::new(), ScalarKind::Null)
        });
        let value = Value::Scalar(Scalar { text, kind, dollars, interpolated: false });
        Built { node: Node { value, place, used_at: None, tag: tag.local() }, height: 1 }
    }

    fn collection(
        &self,
        value: Value,
        style: StructureStyle,
        start: &Span,
        end: &Span,
        tag: Option<&EventTag>,
    ) -> Node {
        let place = match style {
            StructureStyle::Block => self.places.start(start.start),
            StructureStyle::Flow => self.places.of(&Span::new(start.start, end.end)),
        };
        Node { value, place, used_at: None, tag: classify(tag).local() }
    }
}

fn is_absent(span: &Span) -> bool {
    span.start == span.end
}

/// Whether there is no value at all, such as after `key:`.
fn is_empty(event: &Event<'_>, span: &Span) -> bool {
    matches!(event, Event::Scalar(_, ScalarStyle::Plain, _, None)) && is_absent(span)
}

fn is_merge(event: &Event<'_>) -> bool {
    match event {
        Event::Scalar(text, style, _, tag) if text == "<<" => match classify(tag.as_deref()) {
            Tag::None => *style == ScalarStyle::Plain,
            Tag::Core(name) => name == "merge",
            Tag::Local(_) => false,
        },
        _ => false,
    }
}

fn classify(tag: Option<&EventTag>) -> Tag {
    match tag {
        None => Tag::None,
        Some(tag) if tag.parts() == ("", "!") => Tag::None,
        Some(tag) => match tag.suffix_in_namespace("tag:yaml.org,2002:") {
            Some(name) => Tag::Core(name.into_owned()),
            None => Tag::Local(tag.to_string()),
        },
    }
}
