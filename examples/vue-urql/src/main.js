import { createApp } from 'vue';
import urqlPlugin from '@urql/vue';
import App from './App.vue';
import { urql } from './live.js';

createApp(App).use(urqlPlugin, urql).mount('#app');
