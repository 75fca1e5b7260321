//! Variables, fields and chains of them.

use std::rc::Rc;

use super::walk::State;
use super::{Exec, Rv};
use crate::functions::methods;
use crate::gotemplate::ast::{Expr, NodeRef};
use crate::value::{Map, MapKind, Value};

impl<'a> State<'a, '_, '_> {
    pub(super) fn chain_node(
        &mut self,
        dot: &Rv,
        node: &'a Expr,
        inner: &'a Expr,
        fields: &'a [Rc<str>],
        args: &'a [Expr],
        last: Option<Rv>,
    ) -> Exec<Rv> {
        self.at(NodeRef::Expr(node));
        if let Expr::Nil(_) = inner {
            return self.error(format!("indirection through explicit nil in {node}"));
        }
        let receiver = self.untyped_argument(dot, inner)?;
        self.chain(dot, receiver, node, fields, args, last)
    }

    pub(super) fn variable(
        &mut self,
        dot: &Rv,
        node: &'a Expr,
        idents: &'a [Rc<str>],
        args: &'a [Expr],
        last: Option<Rv>,
    ) -> Exec<Rv> {
        self.at(NodeRef::Expr(node));
        let name = &idents[0];
        let Some(value) = self.vars.iter().rev().find(|(known, _)| known == name).map(|(_, v)| v.clone())
        else {
            return self.error(format!("undefined variable: {name}"));
        };
        if idents.len() == 1 {
            if !args.is_empty() {
                self.not_a_function(args, &last)?;
            } else if last.is_some() {
                return self.error(format!("can't give argument to non-function {node}"));
            }
            return Ok(value);
        }
        let rest = args.get(1..).unwrap_or_default();
        self.chain(dot, value, node, &idents[1..], rest, last)
    }

    /// `.X.Y.Z`; only the last may be a method with arguments.
    pub(super) fn chain(
        &mut self,
        dot: &Rv,
        mut receiver: Rv,
        node: &'a Expr,
        fields: &'a [Rc<str>],
        args: &'a [Expr],
        last: Option<Rv>,
    ) -> Exec<Rv> {
        let Some((end, before)) = fields.split_last() else { return Ok(receiver) };
        for field in before {
            receiver = self.field(dot, field, node, &[], None, receiver)?;
        }
        self.field(dot, end, node, args, last, receiver)
    }

    fn field(
        &mut self,
        dot: &Rv,
        name: &Rc<str>,
        node: &'a Expr,
        args: &'a [Expr],
        last: Option<Rv>,
        receiver: Rv,
    ) -> Exec<Rv> {
        let value = match &receiver {
            Rv::Invalid => return Ok(Rv::Invalid),
            Rv::Iface(Value::Nil) => {
                return self.error(format!("nil pointer evaluating interface {{}}.{name}"));
            }
            Rv::Iface(value) | Rv::Concrete(value) => value,
        };
        let has_args = !args.is_empty() || last.is_some();
        // Maps of anything have no methods; they are most of what charts look into.
        let is_plain = |kind: &MapKind| !matches!(kind, MapKind::Values | MapKind::Files);
        if !matches!(value, Value::Map(kind, _) if is_plain(kind))
            && let Some(method) = methods::find(value, name)
        {
            let receiver = value.clone();
            return self.invoke(dot, method, Some(receiver), NodeRef::Expr(node), args, last);
        }
        match value {
            Value::Map(kind, map) => {
                if has_args {
                    return self.error(format!("{name} is not a method but has arguments"));
                }
                Ok(lookup_key(*kind, map, name))
            }
            _ => match methods::struct_field(value, name) {
                Some(_) if has_args => {
                    self.error(format!("{name} has arguments but cannot be invoked as function"))
                }
                Some(field) => Ok(Rv::Concrete(field)),
                None => self.error(format!("can't evaluate field {name} in type {}", receiver.type_name())),
            },
        }
    }
}

/// The value of a key: missing ones are nil, or empty where the type says what they are.
fn lookup_key(kind: MapKind, map: &Map, key: &str) -> Rv {
    match (kind, map.get(key)) {
        (MapKind::Strings | MapKind::Files, Some(value)) => Rv::Concrete(value),
        (MapKind::Strings | MapKind::NilStrings, None) => Rv::Concrete(Value::str("")),
        (MapKind::Files, None) => Rv::Concrete(Value::Bytes(Rc::from([]))),
        (_, Some(value)) => Rv::Iface(value),
        (_, None) => Rv::Iface(Value::Nil),
    }
}
