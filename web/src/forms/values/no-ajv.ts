// Stands in for `@rjsf/validator-ajv8`, which the form library's test helper names and which generates code.
export { validator as default } from './validator';
