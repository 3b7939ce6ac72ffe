import { render } from 'preact';
import { App } from './app.js';
import { startKeyboard } from './keyboard.js';
import { startNotifications } from './set-up/notifications-watch.js';
import { startClock } from './state/clock.js';
import { startLive, syncClock } from './state/live.js';
import { startTheme } from './state/preferences.js';
import { startRouter } from './state/router.js';

const root = document.querySelector('#page');
if (root === null) throw new Error('index.html has no element #page');
startTheme();
startRouter();
startClock(() => void syncClock());
startLive();
startKeyboard();
startNotifications();
render(<App />, root);
