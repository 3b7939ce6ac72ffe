import { MARKER, type ServiceFacts } from './service-facts.js';

/**
 * Returns a unit for systemd's user manager (systemd.service(5), systemd.exec(5)). `env` runs Node, because systemd
 * refuses an executable with quotes or backslashes in its path.
 */
export function systemdUnit({ node, script, folder, stopSeconds }: ServiceFacts): string {
  return `# ${MARKER}
[Unit]
Description=codex-pool, a proxy between Codex and several ChatGPT accounts
StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
Type=exec
WorkingDirectory=${withoutSpecifiers(folder)}
ExecStart=/usr/bin/env ${[node, script, 'start'].map(argument).join(' ')}
Restart=on-failure
RestartSec=5
TimeoutStopSec=${stopSeconds}
UMask=0077
NoNewPrivileges=yes

[Install]
WantedBy=default.target
`;
}

/** Returns an argument in quotes; neither specifiers (`%`) nor variables (`$`) are expanded (systemd.service(5), "Command lines"). */
function argument(text: string): string {
  const escaped = text.replace(/[\\"]/g, String.raw`\$&`).replaceAll('$', '$$$$');
  return `"${withoutSpecifiers(escaped)}"`;
}

function withoutSpecifiers(text: string): string {
  return text.replaceAll('%', '%%');
}
