//! Builds the node tree of one document from tokens.

use std::collections::HashMap;

use super::YamlError;
use super::scanner::{Mark, Scanner, Token};

/// Depth of nested nodes.
const MAX_DEPTH: usize = 1000;

pub(super) type NodeId = usize;

/// One node; aliases point back at the node they repeat.
pub(super) struct Node {
    pub(super) tag: String,
    /// A scalar whose type follows from its text.
    pub(super) implicit: bool,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Scalar(String),
    Sequence(Vec<NodeId>),
    Mapping(Vec<(NodeId, NodeId)>),
    Alias { name: String, target: NodeId },
}

/// The nodes of one document.
pub(super) struct Document {
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
}

pub(super) struct Parser<'a> {
    scanner: Scanner<'a>,
    nodes: Vec<Node>,
    anchors: HashMap<String, NodeId>,
    tags: Vec<(String, String)>,
    depth: usize,
    first: bool,
}

type Parse<T> = Result<T, YamlError>;

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Parse<Self> {
        Ok(Self {
            scanner: Scanner::new(text)?,
            nodes: Vec::new(),
            anchors: HashMap::new(),
            tags: Vec::new(),
            depth: 0,
            first: true,
        })
    }

    /// The next document; `None` after the last one.
    pub(super) fn document(&mut self) -> Parse<Option<Document>> {
        let implicit_start = self.first;
        self.first = false;
        if !implicit_start {
            while self.peek_is(&Token::DocumentEnd)? {
                self.scanner.next()?;
            }
        }
        let (token, _) = self.scanner.peek()?;
        let starts_explicitly =
            matches!(token, Token::Version(..) | Token::TagDirective(..) | Token::DocumentStart);
        if matches!(token, Token::StreamEnd) {
            return Ok(None);
        }
        self.nodes.clear();
        self.anchors.clear();
        let root = if implicit_start && !starts_explicitly {
            self.directives()?;
            self.node(true, false)?
        } else {
            self.directives()?;
            let (token, mark) = self.scanner.peek()?;
            if *token != Token::DocumentStart {
                return Err(YamlError::at_parse(*mark, None, "did not find expected <document start>"));
            }
            self.scanner.next()?;
            match self.scanner.peek()?.0 {
                Token::Version(..)
                | Token::TagDirective(..)
                | Token::DocumentStart
                | Token::DocumentEnd
                | Token::StreamEnd => self.empty(),
                _ => self.node(true, false)?,
            }
        };
        if self.peek_is(&Token::DocumentEnd)? {
            self.scanner.next()?;
        }
        self.tags.clear();
        Ok(Some(Document { nodes: std::mem::take(&mut self.nodes), root }))
    }

    fn peek_is(&mut self, token: &Token) -> Parse<bool> {
        Ok(self.scanner.peek()?.0 == *token)
    }

    fn directives(&mut self) -> Parse<()> {
        let mut version = false;
        loop {
            let (token, mark) = self.scanner.peek()?;
            let mark = *mark;
            match token {
                Token::Version(major, minor) => {
                    if version {
                        return Err(YamlError::at_parse(mark, None, "found duplicate %YAML directive"));
                    }
                    if (*major, *minor) != (1, 1) {
                        return Err(YamlError::at_parse(mark, None, "found incompatible YAML document"));
                    }
                    version = true;
                }
                Token::TagDirective(handle, prefix) => {
                    if self.tags.iter().any(|(known, _)| known == handle) {
                        return Err(YamlError::at_parse(mark, None, "found duplicate %TAG directive"));
                    }
                    self.tags.push((handle.clone(), prefix.clone()));
                }
                _ => break,
            }
            self.scanner.next()?;
        }
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            if !self.tags.iter().any(|(known, _)| known == handle) {
                self.tags.push((handle.into(), prefix.into()));
            }
        }
        Ok(())
    }

    fn add(&mut self, kind: Kind, tag: String, implicit: bool) -> NodeId {
        self.nodes.push(Node { tag, implicit, kind });
        self.nodes.len() - 1
    }

    fn empty(&mut self) -> NodeId {
        self.add(Kind::Scalar(String::new()), String::new(), true)
    }

    fn node(&mut self, block: bool, indentless: bool) -> Parse<NodeId> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(YamlError::new(format!("exceeded max depth of {MAX_DEPTH}")));
        }
        let node = self.node_at_depth(block, indentless);
        self.depth -= 1;
        node
    }

    fn node_at_depth(&mut self, block: bool, indentless: bool) -> Parse<NodeId> {
        let start = self.scanner.peek()?.1;
        if let Token::Alias(_) = self.scanner.peek()?.0 {
            let (Token::Alias(name), _) = self.scanner.next()? else { return Ok(self.empty()) };
            let Some(target) = self.anchors.get(&name).copied() else {
                return Err(YamlError::new(format!("unknown anchor '{name}' referenced")));
            };
            return Ok(self.add(Kind::Alias { name, target }, String::new(), false));
        }
        let (anchor, tag, has_properties) = self.properties(start)?;
        let implicit = tag.is_empty();
        let (token, mark) = self.scanner.peek()?;
        let mark = *mark;
        enum Shape {
            Scalar,
            Indentless,
            BlockSequence,
            BlockMapping,
            FlowSequence,
            FlowMapping,
        }
        let shape = match token {
            Token::BlockEntry if indentless => Shape::Indentless,
            Token::Scalar { .. } => Shape::Scalar,
            Token::FlowSequenceStart => Shape::FlowSequence,
            Token::FlowMappingStart => Shape::FlowMapping,
            Token::BlockSequenceStart if block => Shape::BlockSequence,
            Token::BlockMappingStart if block => Shape::BlockMapping,
            _ if has_properties => {
                let id = self.add(Kind::Scalar(String::new()), tag, implicit);
                self.remember(anchor, id);
                return Ok(id);
            }
            _ => return Err(YamlError::at_parse(mark, Some(start), "did not find expected node content")),
        };
        if let Shape::Scalar = shape {
            let (Token::Scalar { value, plain }, _) = self.scanner.next()? else { return Ok(self.empty()) };
            let plain_implicit = (tag.is_empty() && plain) || tag == "!";
            let id = self.add(Kind::Scalar(value), tag, plain_implicit);
            self.remember(anchor, id);
            return Ok(id);
        }
        // The anchor names the collection already inside of it.
        let id = self.add(Kind::Sequence(Vec::new()), tag, implicit);
        self.remember(anchor, id);
        let kind = match shape {
            Shape::Indentless => Kind::Sequence(self.indentless_sequence()?),
            Shape::BlockSequence => Kind::Sequence(self.block_sequence()?),
            Shape::BlockMapping => Kind::Mapping(self.block_mapping()?),
            Shape::FlowSequence => Kind::Sequence(self.flow_sequence()?),
            Shape::FlowMapping | Shape::Scalar => Kind::Mapping(self.flow_mapping()?),
        };
        self.nodes[id].kind = kind;
        Ok(id)
    }

    fn remember(&mut self, anchor: Option<String>, id: NodeId) {
        if let Some(name) = anchor {
            self.anchors.insert(name, id);
        }
    }

    /// Anchor and tag before a node, in either order.
    fn properties(&mut self, start: Mark) -> Parse<(Option<String>, String, bool)> {
        let (mut anchor, mut tag) = (None, None);
        loop {
            match self.scanner.peek()?.0 {
                Token::Anchor(_) if anchor.is_none() => {
                    if let (Token::Anchor(name), _) = self.scanner.next()? {
                        anchor = Some(name);
                    }
                }
                Token::Tag(..) if tag.is_none() => {
                    if let (Token::Tag(handle, suffix), mark) = self.scanner.next()? {
                        tag = Some(self.resolve_tag(handle, suffix, start, mark)?);
                    }
                }
                _ => break,
            }
        }
        let has_properties = anchor.is_some() || tag.as_ref().is_some_and(|t| !t.is_empty());
        Ok((anchor, tag.unwrap_or_default(), has_properties))
    }

    fn resolve_tag(&self, handle: String, suffix: String, start: Mark, mark: Mark) -> Parse<String> {
        if handle.is_empty() {
            return Ok(suffix);
        }
        match self.tags.iter().find(|(known, _)| *known == handle) {
            Some((_, prefix)) => Ok(format!("{prefix}{suffix}")),
            None => Err(YamlError::at_parse(mark, Some(start), "found undefined tag handle")),
        }
    }

    fn block_sequence(&mut self) -> Parse<Vec<NodeId>> {
        let (_, start) = self.scanner.next()?;
        let mut items = Vec::new();
        loop {
            match self.scanner.peek()? {
                (Token::BlockEntry, _) => {
                    self.scanner.next()?;
                    let item = match self.scanner.peek()?.0 {
                        Token::BlockEntry | Token::BlockEnd => self.empty(),
                        _ => self.node(true, false)?,
                    };
                    items.push(item);
                }
                (Token::BlockEnd, _) => {
                    self.scanner.next()?;
                    return Ok(items);
                }
                (_, mark) => {
                    let mark = *mark;
                    return Err(YamlError::at_parse(
                        mark,
                        Some(start),
                        "did not find expected '-' indicator",
                    ));
                }
            }
        }
    }

    fn indentless_sequence(&mut self) -> Parse<Vec<NodeId>> {
        let mut items = Vec::new();
        while self.peek_is(&Token::BlockEntry)? {
            self.scanner.next()?;
            let item = match self.scanner.peek()?.0 {
                Token::BlockEntry | Token::Key | Token::Value | Token::BlockEnd => self.empty(),
                _ => self.node(true, false)?,
            };
            items.push(item);
        }
        Ok(items)
    }

    fn block_mapping(&mut self) -> Parse<Vec<(NodeId, NodeId)>> {
        let (_, start) = self.scanner.next()?;
        let mut entries = Vec::new();
        let missing = |token: &Token| matches!(token, Token::Key | Token::Value | Token::BlockEnd);
        loop {
            let key = match self.scanner.peek()? {
                (Token::Key, _) => {
                    self.scanner.next()?;
                    if missing(&self.scanner.peek()?.0) { self.empty() } else { self.node(true, true)? }
                }
                (Token::BlockEnd, _) => {
                    self.scanner.next()?;
                    return Ok(entries);
                }
                (_, mark) => {
                    let mark = *mark;
                    return Err(YamlError::at_parse(mark, Some(start), "did not find expected key"));
                }
            };
            let value = if self.peek_is(&Token::Value)? {
                self.scanner.next()?;
                if missing(&self.scanner.peek()?.0) { self.empty() } else { self.node(true, true)? }
            } else {
                self.empty()
            };
            entries.push((key, value));
        }
    }

    fn flow_sequence(&mut self) -> Parse<Vec<NodeId>> {
        let (_, start) = self.scanner.next()?;
        let mut items = Vec::new();
        loop {
            if !items.is_empty() && !self.peek_is(&Token::FlowSequenceEnd)? {
                let (token, mark) = self.scanner.peek()?;
                if *token != Token::FlowEntry {
                    let mark = *mark;
                    return Err(YamlError::at_parse(mark, Some(start), "did not find expected ',' or ']'"));
                }
                self.scanner.next()?;
            }
            match self.scanner.peek()?.0 {
                Token::FlowSequenceEnd => {
                    self.scanner.next()?;
                    return Ok(items);
                }
                Token::Key => {
                    self.scanner.next()?;
                    let entry = self.single_pair()?;
                    items.push(self.add(Kind::Mapping(vec![entry]), String::new(), true));
                }
                _ => items.push(self.node(false, false)?),
            }
        }
    }

    /// `[a: b]` is a sequence of one mapping.
    fn single_pair(&mut self) -> Parse<(NodeId, NodeId)> {
        let key = match self.scanner.peek()?.0 {
            Token::Value | Token::FlowEntry | Token::FlowSequenceEnd => {
                self.scanner.next()?;
                let key = self.empty();
                // The token is gone, as in the original; what follows decides about the value.
                return Ok((key, self.flow_value(&Token::FlowSequenceEnd)?));
            }
            _ => self.node(false, false)?,
        };
        Ok((key, self.flow_value(&Token::FlowSequenceEnd)?))
    }

    fn flow_value(&mut self, end: &Token) -> Parse<NodeId> {
        if self.peek_is(&Token::Value)? {
            self.scanner.next()?;
            let token = &self.scanner.peek()?.0;
            if *token != Token::FlowEntry && token != end {
                return self.node(false, false);
            }
        }
        Ok(self.empty())
    }

    fn flow_mapping(&mut self) -> Parse<Vec<(NodeId, NodeId)>> {
        let (_, start) = self.scanner.next()?;
        let mut entries = Vec::new();
        loop {
            if !entries.is_empty() && !self.peek_is(&Token::FlowMappingEnd)? {
                let (token, mark) = self.scanner.peek()?;
                if *token != Token::FlowEntry {
                    let mark = *mark;
                    return Err(YamlError::at_parse(mark, Some(start), "did not find expected ',' or '}'"));
                }
                self.scanner.next()?;
            }
            match self.scanner.peek()?.0 {
                Token::FlowMappingEnd => {
                    self.scanner.next()?;
                    return Ok(entries);
                }
                Token::Key => {
                    self.scanner.next()?;
                    let key = match self.scanner.peek()?.0 {
                        Token::Value | Token::FlowEntry | Token::FlowMappingEnd => self.empty(),
                        _ => self.node(false, false)?,
                    };
                    let value = self.flow_value(&Token::FlowMappingEnd)?;
                    entries.push((key, value));
                }
                _ => {
                    let key = self.node(false, false)?;
                    let value = self.empty();
                    entries.push((key, value));
                }
            }
        }
    }
}
