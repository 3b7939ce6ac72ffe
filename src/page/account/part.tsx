import type { ComponentChildren } from 'preact';

/** A part of the drawer, with a heading. */
export function Part({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="account-part">
      <h3>{title}</h3>
      {children}
    </section>
  );
}

/** A fact: its name and its value. */
export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="account-fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
