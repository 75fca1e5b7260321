//! Request targets as Go's server takes them: with letters such as `>` that clients should have escaped and that our
//! HTTP library refuses. A connection is read through this; it escapes them in the first line of each HTTP/1 request
//! and touches nothing else. Requests whose end only a full parser finds (chunked bodies, upgrades, HTTP/2) end that.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Longer headers are for the HTTP library to refuse.
const LONGEST_LINE: usize = 64 * 1024;

/// A connection whose requests are read leniently.
pub(super) struct Lenient<S> {
    inner: S,
    scanner: Scanner,
    /// Escaped text that the reader had no room for.
    waiting: Vec<u8>,
}

impl<S> Lenient<S> {
    /// A connection that speaks HTTP/2 has nothing to escape.
    pub(super) fn new(inner: S, is_http2: bool) -> Self {
        let state = if is_http2 { State::Through } else { State::Target };
        Lenient { inner, scanner: Scanner { state, ..Scanner::default() }, waiting: Vec::new() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lenient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let this = &mut *self;
        if this.waiting.is_empty() {
            let start = buf.filled().len();
            ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
            match this.scanner.pass(&buf.filled()[start..]) {
                None => return Poll::Ready(Ok(())),
                Some(escaped) => {
                    buf.set_filled(start);
                    this.waiting = escaped;
                }
            }
        }
        let fits = this.waiting.len().min(buf.remaining());
        buf.put_slice(&this.waiting[..fits]);
        this.waiting.drain(..fits);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lenient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

/// Where in the requests of a connection its reader is.
#[derive(Default)]
struct Scanner {
    state: State,
    /// The beginning of a header whose end has not come yet.
    line: Vec<u8>,
    /// How long the body of this request is.
    length: u64,
    /// Nobody knows where this request ends.
    endless: bool,
}

#[derive(Default, PartialEq, Eq)]
enum State {
    /// In the first line of a request.
    #[default]
    Target,
    /// In the other lines of its head.
    Headers,
    /// In its body, of which so many bytes are to come.
    Body(u64),
    /// Not looked at any more.
    Through,
}

impl Scanner {
    /// Takes what was read; the same with escapes if some are needed.
    fn pass(&mut self, read: &[u8]) -> Option<Vec<u8>> {
        let mut at = 0;
        let mut found: Vec<usize> = Vec::new();
        while at < read.len() {
            let rest = &read[at..];
            at += match self.state {
                State::Target => {
                    let taken = end_of_line(rest);
                    found.extend((at..at + taken).filter(|i| is_refused(read[*i])));
                    self.target(&rest[..taken]);
                    taken
                }
                State::Headers => {
                    let taken = end_of_line(rest);
                    self.header(&rest[..taken]);
                    taken
                }
                State::Body(left) => {
                    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    self.state = match left - taken as u64 {
                        0 => State::Target,
                        left => State::Body(left),
                    };
                    taken
                }
                State::Through => rest.len(),
            };
        }
        if found.is_empty() {
            return None;
        }
        let mut out = Vec::with_capacity(read.len() + 2 * found.len());
        let mut done = 0;
        for i in found {
            out.extend_from_slice(&read[done..i]);
            out.extend_from_slice(format!("%{:02X}", read[i]).as_bytes());
            done = i + 1;
        }
        out.extend_from_slice(&read[done..]);
        Some(out)
    }

    /// Takes a part of the first line of a request.
    fn target(&mut self, part: &[u8]) {
        if part.starts_with(b"PRI ") {
            self.state = State::Through;
        } else if part.ends_with(b"\n") {
            self.state = State::Headers;
            (self.length, self.endless) = (0, false);
        }
    }

    /// Takes a part of a header line, or of the empty line that ends the head.
    fn header(&mut self, part: &[u8]) {
        if !part.ends_with(b"\n") || !self.line.is_empty() {
            self.line.extend_from_slice(part);
            if self.line.len() > LONGEST_LINE {
                self.state = State::Through;
            }
            if !part.ends_with(b"\n") {
                return;
            }
            let line = std::mem::take(&mut self.line);
            return self.line(&line);
        }
        self.line(part);
    }

    fn line(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        if line.is_empty() {
            self.state = match (self.endless, self.length) {
                (true, _) => State::Through,
                (false, 0) => State::Target,
                (false, length) => State::Body(length),
            };
            return;
        }
        let Some(colon) = line.iter().position(|b| *b == b':') else { return };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            self.endless |= length.is_none();
            self.length = length.unwrap_or(0);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") || name.eq_ignore_ascii_case(b"upgrade") {
            self.endless = true;
        }
    }
}

/// How much of a text its first line takes; all if it has no end.
fn end_of_line(text: &[u8]) -> usize {
    text.iter().position(|b| *b == b'\n').map_or(text.len(), |at| at + 1)
}

/// Whether the HTTP library refuses a letter that Go takes.
fn is_refused(letter: u8) -> bool {
    matches!(letter, b'<' | b'>' | b'"' | b'`')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of parts that are read one after the other.
    fn passed(parts: &[&str]) -> String {
        let mut scanner = Scanner::default();
        let parts = parts
            .iter()
            .map(|part| scanner.pass(part.as_bytes()).unwrap_or_else(|| part.as_bytes().to_vec()));
        String::from_utf8(parts.collect::<Vec<_>>().concat()).unwrap()
    }

    #[test]
    fn only_targets_are_escaped() {
        let body = "GET /b?>\"`< HTTP/1.1\r\n";
        let post = format!("POST /a?x>\"1 HTTP/1.1\r\nContent-Length: {}\r\nA: >\r\n\r\n{body}", body.len());
        let text = format!("{post}GET /c?l=a<2 HTTP/1.1\r\n\r\n");
        let wanted = text.replace("x>\"1", "x%3E%221").replace("a<2", "a%3C2");
        assert_eq!(passed(&[&text]), wanted);
        for cut in 1..text.len() {
            assert_eq!(passed(&[&text[..cut], &text[cut..]]), wanted, "cut at {cut}");
        }
    }

    #[test]
    fn what_cannot_be_followed_passes() {
        for head in ["Transfer-Encoding: chunked", "Upgrade: websocket", "Content-Length: x"] {
            let text = format!("GET /a?> HTTP/1.1\r\n{head}\r\n\r\nGET /b?> HTTP/1.1\r\n\r\n");
            assert_eq!(passed(&[&text]), text.replace("/a?>", "/a?%3E"));
        }
        let two = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n>";
        assert_eq!(passed(&[two]), two);
    }
}
