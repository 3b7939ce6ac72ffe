import { Drawer } from '../ui/drawer.js';

/** The account that the address names with `account`. */
export function AccountDrawer({ name, onClose }: { name: string; onClose: () => void }) {
  return (
    <Drawer title={name} onClose={onClose}>
      {null}
    </Drawer>
  );
}
