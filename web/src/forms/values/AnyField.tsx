// A value of which the schema says nothing: edited as YAML, taken over while it can be read.
import type { FieldProps } from '@rjsf/utils';
import { Input } from 'antd';
import { useState } from 'react';

import { sameJson, type Json } from '~/util/changes';
import { parseAny, yamlOf } from '~/util/yaml';

export function AnyField({ fieldPathId, formData, disabled, readonly, onChange }: FieldProps) {
  const value = (formData ?? null) as Json; // form data is JSON
  const [typed, setTyped] = useState<{ text: string; value: Json } | null>(null);
  // What was typed stays while it means the same; another value (a reset, the YAML tab) replaces it.
  const text =
    typed && sameJson(typed.value, value) ? typed.text : value === null ? '' : yamlOf(value).trimEnd();
  const [problem, setProblem] = useState<string | null>(null);
  return (
    <div>
      <Input.TextArea
        id={fieldPathId.$id}
        className="osc-textarea"
        disabled={Boolean(disabled) || Boolean(readonly)}
        aria-invalid={problem !== null}
        aria-describedby={`${fieldPathId.$id}__help`}
        status={problem ? 'error' : undefined}
        value={text}
        onChange={(event) => {
          const next = event.target.value;
          const parsed = parseAny(next);
          setProblem(parsed.problem);
          setTyped({ text: next, value: parsed.problem === null ? parsed.value : value });
          if (parsed.problem === null)
            onChange(parsed.value === null ? undefined : parsed.value, fieldPathId.path);
        }}
      />
      {problem && (
        <div role="alert" className="osc-field-error">
          {problem}
        </div>
      )}
    </div>
  );
}
