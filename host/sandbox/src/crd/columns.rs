//! Printer columns of custom resources: the part of JSONPath that definitions use.
