//! Calls of functions and methods: arguments, their types, and errors.

use std::rc::Rc;

use super::walk::State;
use super::{Exec, Rv};
use crate::functions::{Function, Special, Ty};
use crate::golang::printf::sprint;
use crate::gotemplate::ast::{Expr, NodeRef};
use crate::gotemplate::error::Chain;
use crate::value::{IntKind, Value};

impl<'a> State<'a, '_, '_> {
    pub(super) fn call(
        &mut self,
        dot: &Rv,
        function: &'static Function,
        node: NodeRef<'a>,
        args: &'a [Expr],
        last: Option<Rv>,
    ) -> Exec<Rv> {
        self.invoke(dot, function, None, node, args, last)
    }

    pub(super) fn invoke(
        &mut self,
        dot: &Rv,
        function: &'static Function,
        receiver: Option<Value>,
        node: NodeRef<'a>,
        args: &'a [Expr],
        last: Option<Rv>,
    ) -> Exec<Rv> {
        let name = function.name;
        let fixed = function.params.len();
        let given = args.len() + usize::from(last.is_some());
        match function.variadic {
            Some(_) if given < fixed => {
                return self.error(format!(
                    "wrong number of args for {name}: want at least {fixed} got {}",
                    args.len()
                ));
            }
            None if given != fixed => {
                return self.error(format!("wrong number of args for {name}: want {fixed} got {given}"));
            }
            _ => {}
        }
        if let Err(stopped) = self.engine.step(1) {
            return self.error(stopped.to_string());
        }
        if let Special::And | Special::Or = function.special {
            return self.and_or(dot, matches!(function.special, Special::Or), args, last);
        }
        if function.special == Special::Length {
            let value = match args {
                [arg] => self.raw_argument(dot, arg)?,
                _ => last.unwrap_or(Rv::Invalid),
            };
            let result = match &value {
                Rv::Invalid => Err(Chain::new("reflect: call of reflect.Value.Type on zero Value")),
                value => (function.call)(self.engine, std::slice::from_ref(value.value())),
            };
            return result.map(Rv::Iface).map_err(|cause| {
                self.at(node);
                self.wrapped(name, cause)
            });
        }
        let mut values = Vec::with_capacity(given + 1);
        values.extend(receiver);
        for (i, arg) in args.iter().enumerate() {
            let ty = function.params.get(i).copied().or(function.variadic).unwrap_or(Ty::Any);
            values.push(self.argument(dot, ty, arg)?);
        }
        if let Some(last) = last {
            let ty = function.params.get(args.len()).copied().or(function.variadic).unwrap_or(Ty::Any);
            values.push(self.validate(last, ty)?.into_value());
        }
        if function.special == Special::Callee {
            let written = match args.first() {
                Some(callee) => callee.to_string(),
                None => reflected(&values[0]),
            };
            values.insert(0, Value::str(written));
        }
        let request = match function.special {
            Special::Certificate => Some(self.certificate_request(node, &values)),
            _ => None,
        };
        if let Some(known) = request.as_ref().and_then(|request| self.engine.certificates.get(request)) {
            return Ok(Rv::Iface(known.clone()));
        }
        let outcome = self
            .engine
            .weigh(&values, 2)
            .and_then(|()| match function.special {
                Special::Deep => values.iter().try_for_each(|value| self.engine.check_parts(value)),
                _ => Ok(()),
            })
            .and_then(|()| (function.call)(self.engine, &values))
            .and_then(|value| self.engine.weigh([&value], 1).map(|()| value));
        match outcome {
            Ok(value) => {
                if let Some(request) = request {
                    self.engine.certificates.insert(request, value.clone());
                }
                Ok(Rv::Iface(value))
            }
            Err(cause) => {
                self.at(node);
                Err(self.wrapped(name, cause))
            }
        }
    }

    /// What a certificate is made for: the template, the how manieth of its certificates, and what is asked for. Charts
    /// include whole templates again for checksums, which then are those of what is installed.
    fn certificate_request(&mut self, node: NodeRef<'a>, values: &[Value]) -> String {
        self.certified += 1;
        format!("{}:{}:{} {}", self.tree.name, node.pos(), self.certified, sprint(values))
    }

    fn and_or(&mut self, dot: &Rv, or: bool, args: &'a [Expr], last: Option<Rv>) -> Exec<Rv> {
        let mut value = Rv::Invalid;
        for arg in args {
            value = self.raw_argument(dot, arg)?;
            if value.value().is_true() == or {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    fn argument(&mut self, dot: &Rv, ty: Ty, arg: &'a Expr) -> Exec<Value> {
        self.at(NodeRef::Expr(arg));
        let value = match arg {
            Expr::Dot(_) => dot.clone(),
            Expr::Nil(_) => match ty.nil() {
                Some(value) => return Ok(value),
                None => return self.error(format!("cannot assign nil to {}", ty.name())),
            },
            Expr::Field(..) | Expr::Variable(..) | Expr::Pipe(_) | Expr::Ident(..) | Expr::Chain(..) => {
                self.untyped_argument(dot, arg)?
            }
            _ => return self.literal(ty, arg),
        };
        Ok(self.validate(value, ty)?.into_value())
    }

    /// An argument for a parameter that takes anything, nothing included.
    fn raw_argument(&mut self, dot: &Rv, arg: &'a Expr) -> Exec<Rv> {
        self.at(NodeRef::Expr(arg));
        match arg {
            Expr::Nil(_) => Ok(Rv::Invalid),
            Expr::Bool(..) | Expr::Number(..) | Expr::Str { .. } => self.literal(Ty::Any, arg).map(Rv::of),
            _ => self.untyped_argument(dot, arg),
        }
    }

    pub(super) fn untyped_argument(&mut self, dot: &Rv, arg: &'a Expr) -> Exec<Rv> {
        self.at(NodeRef::Expr(arg));
        match arg {
            Expr::Dot(_) => Ok(dot.clone()),
            Expr::Field(_, fields) => self.chain(dot, dot.clone(), arg, fields, &[], None),
            Expr::Variable(_, idents) => self.variable(dot, arg, idents, &[], None),
            Expr::Pipe(pipe) => self.pipeline(dot, pipe),
            Expr::Ident(_, function) => self.call(dot, function, NodeRef::Expr(arg), &[], None),
            Expr::Chain(_, node, fields) => self.chain_node(dot, arg, node, fields, &[], None),
            _ => self.literal(Ty::Any, arg).map(Rv::of),
        }
    }

    fn literal(&mut self, ty: Ty, arg: &'a Expr) -> Exec<Value> {
        self.at(NodeRef::Expr(arg));
        match (ty, arg) {
            (Ty::Any, Expr::Bool(_, b)) | (Ty::Bool, Expr::Bool(_, b)) => Ok(Value::Bool(*b)),
            (Ty::Any | Ty::Str, Expr::Str { text, .. }) => Ok(Value::Str(Rc::clone(text))),
            (Ty::Any, Expr::Number(_, number)) => Ok(self.constant(arg, number)?.into_value()),
            (Ty::Int | Ty::Duration, Expr::Number(_, number)) if number.int.is_some() => {
                let kind = if ty == Ty::Int { IntKind::Int } else { IntKind::Duration };
                Ok(Value::Int(kind, number.int.unwrap_or_default()))
            }
            (Ty::Uint32, Expr::Number(_, number)) if number.uint.is_some() => {
                Ok(Value::int(number.uint.unwrap_or_default() as i64))
            }
            (Ty::Float, Expr::Number(_, number)) if number.float.is_some() => {
                Ok(Value::Float(number.float.unwrap_or_default()))
            }
            (Ty::Bool, _) => self.error(format!("expected bool; found {arg}")),
            (Ty::Str, _) => self.error(format!("expected string; found {arg}")),
            (Ty::Int | Ty::Duration, _) => self.error(format!("expected integer; found {arg}")),
            (Ty::Uint32, _) => self.error(format!("expected unsigned integer; found {arg}")),
            (Ty::Float, _) => self.error(format!("expected float; found {arg}")),
            _ => self.error(format!("can't handle {arg} for arg of type {}", ty.name())),
        }
    }

    fn validate(&mut self, value: Rv, ty: Ty) -> Exec<Rv> {
        if ty == Ty::Any {
            return Ok(value);
        }
        match &value {
            Rv::Invalid => match ty.nil() {
                Some(value) => Ok(Rv::Concrete(value)),
                None => self.error(format!("invalid value; expected {}", ty.name())),
            },
            Rv::Iface(Value::Nil) => {
                self.error(format!("wrong type for value; expected {}; got interface {{}}", ty.name()))
            }
            Rv::Iface(inner) | Rv::Concrete(inner) => {
                if ty.accepts(inner) {
                    return Ok(value);
                }
                let got = inner.type_name();
                self.error(format!("wrong type for value; expected {}; got {got}", ty.name()))
            }
        }
    }
}

/// What `reflect.Value.String` says of a value.
fn reflected(value: &Value) -> String {
    match value {
        Value::Str(text) => text.to_string(),
        Value::Nil => "<interface {} Value>".to_owned(),
        other => format!("<{} Value>", other.type_name()),
    }
}
