/** The folder with the config of this machine, which Codex reads for every user. */
export const SYSTEM_FOLDER = '/etc/codex';
/** The file in it that wins over the user's config, and over `-c`. */
export const MANAGED_FILE = 'managed_config.toml';
