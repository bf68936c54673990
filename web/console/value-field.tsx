import { useId } from 'react';
import { type Draft, type FieldShape, type ObjectTypes, partOf, type ValueShape } from './draft.js';

interface Props {
  readonly label: string;
  readonly description?: string | null;
  readonly shape: ValueShape;
  readonly draft: Draft;
  readonly types: ObjectTypes;
  /** Where the value is, such as `payload.title`: errors name it. */
  readonly path: string;
  readonly faults: Readonly<Record<string, string>>;
  /** Fields of this object that may be left out because they have a default. */
  readonly defaulted?: readonly string[];
  /** Whether this value may be left out. Default: what its type says. */
  readonly optional?: boolean;
  readonly onChange: (draft: Draft) => void;
}

const NONE: readonly string[] = [];

/** The input of one value: of a scalar, an enum, a list or an object. */
export function ValueField(props: Props) {
  const { kind } = props.shape;
  if (kind === 'object') return <ObjectFields {...props} />;
  if (kind === 'list') return <ListFields {...props} />;
  return <Input {...props} />;
}

function ObjectFields({ label, shape, draft, types, path, faults, defaulted = NONE, onChange }: Props) {
  const isLeftOut = !shape.required && draft === undefined;
  const fields = shape.kind === 'object' ? (types[shape.type] ?? []) : [];
  return (
    <fieldset className="group">
      <legend>{label}</legend>
      {!shape.required && (
        <label className="check">
          <input type="checkbox" checked={!isLeftOut} onChange={() => onChange(isLeftOut ? {} : undefined)} /> Include{' '}
          {label}
        </label>
      )}
      {!isLeftOut &&
        fields
          .toSorted(requiredFirst(defaulted))
          .map((field) => (
            <ValueField
              key={field.name}
              label={field.name}
              description={field.description}
              shape={field.shape}
              draft={partOf(draft, field.name)}
              types={types}
              path={`${path}.${field.name}`}
              faults={faults}
              optional={!field.shape.required || defaulted.includes(field.name)}
              onChange={(part) => onChange({ ...(typeof draft === 'object' ? draft : {}), [field.name]: part })}
            />
          ))}
      <Fault of={path} faults={faults} role="alert" />
    </fieldset>
  );
}

/** What must be entered comes first; otherwise the order of the schema. */
function requiredFirst(defaulted: readonly string[]): (one: FieldShape, other: FieldShape) => number {
  const isOptional = ({ name, shape }: FieldShape): boolean => !shape.required || defaulted.includes(name);
  return (one, other) => Number(isOptional(one)) - Number(isOptional(other));
}

function ListFields({ label, shape, draft, types, path, faults, onChange }: Props) {
  if (shape.kind !== 'list') return null;
  const items = Array.isArray(draft) ? (draft as readonly Draft[]) : [];
  const rows = items.map((item, index) => ({ item, index, place: `${path}.${index}` }));
  return (
    <fieldset className="group">
      <legend>{label}</legend>
      {rows.map(({ item, index, place }) => (
        <div key={place} className="item">
          <ValueField
            label={`${label} ${index + 1}`}
            shape={shape.of}
            draft={item}
            types={types}
            path={place}
            faults={faults}
            onChange={(part) => onChange(items.with(index, part))}
          />
          <button
            type="button"
            className="button quiet"
            aria-label={`Remove ${label} ${index + 1}`}
            onClick={() => onChange(items.filter((_, other) => other !== index))}
          >
            Remove
          </button>
        </div>
      ))}
      <button
        type="button"
        className="button"
        aria-label={`Add to ${label}`}
        onClick={() => onChange([...items, undefined])}
      >
        Add
      </button>
      <Fault of={path} faults={faults} role="alert" />
    </fieldset>
  );
}

function Input({ label, description, shape, draft, path, faults, optional = !shape.required, onChange }: Props) {
  const id = useId();
  const text = typeof draft === 'string' ? draft : '';
  const hint = [description, hintOf(shape)].filter(Boolean).join(' ');
  const described = [hint && `${id}-hint`, faults[path] && faultId(path)].filter(Boolean).join(' ');
  const shared = {
    id,
    value: text,
    'aria-invalid': faults[path] ? true : undefined,
    'aria-describedby': described || undefined,
    onChange: (event: { readonly target: { readonly value: string } }) => onChange(event.target.value),
  } as const;
  const choices = choicesOf(shape);
  return (
    <div className="field">
      <label htmlFor={id}>
        {label} {optional && <span className="muted">(optional)</span>}
      </label>
      {choices && (
        <select {...shared}>
          <option value="">{optional ? 'left out' : 'choose'}</option>
          {choices.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      )}
      {!choices && isLong(shape) && <textarea {...shared} rows={3} spellCheck={false} />}
      {!choices && !isLong(shape) && <input {...shared} type="text" autoComplete="off" inputMode={modeOf(shape)} />}
      {hint && (
        <p id={`${id}-hint`} className="hint">
          {hint}
        </p>
      )}
      <Fault of={path} faults={faults} />
    </div>
  );
}

interface FaultProps extends Pick<Props, 'faults'> {
  readonly of: string;
  /** `alert` where no input is focused that it describes. */
  readonly role?: 'alert';
}

function Fault({ of, faults, role }: FaultProps) {
  return faults[of] ? (
    <p id={faultId(of)} className="error" role={role}>
      {faults[of]}
    </p>
  ) : null;
}

function faultId(path: string): string {
  return `fault-${path}`;
}

function nameOf(shape: ValueShape): string {
  return shape.kind === 'scalar' ? shape.name : '';
}

function choicesOf(shape: ValueShape): readonly string[] | null {
  if (shape.kind === 'enum') return shape.values.map(({ name }) => name);
  return nameOf(shape) === 'Boolean' ? ['true', 'false'] : null;
}

/** A scalar of an application's own is written as JSON. */
function isLong(shape: ValueShape): boolean {
  return !['String', 'ID', 'Int', 'Float', 'DateTime'].includes(nameOf(shape));
}

function modeOf(shape: ValueShape): 'numeric' | 'decimal' | 'text' {
  if (nameOf(shape) === 'Int') return 'numeric';
  return nameOf(shape) === 'Float' ? 'decimal' : 'text';
}

function hintOf(shape: ValueShape): string {
  if (nameOf(shape) === 'DateTime') return 'An instant such as 2026-01-31T12:00:00Z.';
  if (shape.kind === 'enum' || nameOf(shape) === 'Boolean') return '';
  return isLong(shape) ? 'JSON.' : '';
}
