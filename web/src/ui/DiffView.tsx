// A unified diff with coloured lines.
export function DiffView({ diff }: { diff: string }) {
  return (
    <pre className="osc-diff" tabIndex={0}>
      {diff
        .trimEnd()
        .split('\n')
        .map((line, index) => (
          <span key={index} data-kind={kindOf(line)}>
            {line}
            {'\n'}
          </span>
        ))}
    </pre>
  );
}

function kindOf(line: string): string | undefined {
  if (line.startsWith('@@')) return 'place';
  if (line.startsWith('+') && !line.startsWith('+++')) return 'added';
  if (line.startsWith('-') && !line.startsWith('---')) return 'removed';
  return undefined;
}
