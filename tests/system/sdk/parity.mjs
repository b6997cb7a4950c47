// Drives the official Node SDK, unchanged but for its base URL, and prints
// what every call gave as a line of JSON: {"call", "value"} or {"call",
// "error"}. What to do comes as JSON on standard input:
//
//   base      where the API is
//   how       the way the base URL is set: "client" or "static"
//   control   the sandbox's own address, for its clock and its faults
//   scenario  one of those at the end of this file
//   config    the SDK's configuration
//   and what the scenario needs: location, contact, ...
//
// NODE_MODULES names the folder that holds @gohighlevel/api-client.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(process.env.NODE_MODULES + '/');
const sdk = require('@gohighlevel/api-client');
const order = JSON.parse(readFileSync(0, 'utf8'));

function connect(config) {
	if (order.how === 'static')
		sdk.HighLevel.BASE_URL = order.base;
	const ghl = new sdk.HighLevel({ logLevel: 'none', ...config });
	if (order.how === 'client')
		ghl.getHttpClient().defaults.baseURL = order.base;
	return ghl;
}

async function control(name, body) {
	const reply = await fetch(`${order.control}/__sandbox/${name}`,
		{ method: 'POST', body: JSON.stringify(body) });
	if (!reply.ok)
		throw new Error(`${name}: ${await reply.text()}`);
}

// What a program can tell one error from another by. What depends on the
// moment only has to be a number.
function describe(error) {
	const kinds = Object.keys(sdk).filter(
		name => name.endsWith('Error') && error instanceof sdk[name]);
	const rateLimit = error.rateLimit && { ...error.rateLimit,
		remaining: typeof error.rateLimit.remaining,
		dailyResetMs: typeof error.rateLimit.dailyResetMs };
	return {
		kinds, message: error.message, statusCode: error.statusCode,
		code: error.code, response: error.response, rateLimit,
	};
}

// Calls "service.method", prints and returns what it gave.
async function call(ghl, name, ...args) {
	const [service, method] = name.split('.');
	const line = { call: `${name} ${JSON.stringify(args)}` };
	try {
		line.value = await ghl[service][method](...args);
	} catch (error) {
		line.error = describe(error);
	}
	console.log(JSON.stringify(line));
	return line.value;
}

// Reads that are repeated after every write, twice each.
class Reads {
	constructor(ghl) {
		this.ghl = ghl;
		this.list = [];
	}

	async add(name, ...args) {
		this.list.push([name, ...args]);
		return this.once(this.list.at(-1));
	}

	async once(read) {
		await call(this.ghl, ...read);
		return call(this.ghl, ...read);
	}

	async write(name, ...args) {
		await control('clock', { advance: 1 });
		const value = await call(this.ghl, name, ...args);
		for (const read of this.list)
			await this.once(read);
		return value;
	}

	async addContact(contactId) {
		await this.add('contacts.getContact', { contactId });
		await this.add('contacts.getAppointmentsForContact',
			{ contactId });
		const { tasks } = await this.add('contacts.getAllTasks',
			{ contactId });
		for (const { id } of tasks)
			await this.add('contacts.getTask',
				{ contactId, taskId: id });
		const { notes } = await this.add('contacts.getAllNotes',
			{ contactId });
		for (const { id } of notes)
			await this.add('contacts.getNote', { contactId, id });
	}
}

async function addLists(reads) {
	const locationId = order.location;

	await reads.add('contacts.getContacts', { locationId, limit: 10 });
	await reads.add('contacts.getContactsByBusinessId',
		{ locationId, businessId: order.business });
	await reads.add('contacts.searchContactsAdvanced', {
		locationId, pageLimit: 20,
		filters: [{ field: 'tags', operator: 'contains',
			value: 'gold' }],
		sort: [{ field: 'dateUpdated', direction: 'desc' }],
	});
	await reads.add('contacts.getDuplicateContact',
		{ locationId, email: 'ada@example.com' });
	await reads.add('locations.taskSearch', { locationId },
		{ contactId: [order.contact] });
	await reads.add('opportunities.searchOpportunity',
		{ locationId, q: 'ada' });
	await reads.add('conversations.searchConversation',
		{ locationId, query: 'ada' });
}

async function writeTasks(reads, contactId) {
	const { task } = await reads.write('contacts.createTask',
		{ contactId }, {
			title: 'Call', body: 'soon', completed: false,
			dueDate: '2026-02-01T10:00:00Z',
		});
	const one = { contactId, taskId: task.id };

	await reads.add('contacts.getTask', one);
	await reads.write('contacts.updateTask', one, { title: 'Again' });
	await reads.write('contacts.updateTaskCompleted', one,
		{ completed: true });
	await reads.write('contacts.deleteTask', one);
}

// The sixteen operations most tools live on, and some that show the same.
async function operations() {
	const reads = new Reads(connect(order.config));
	const contactId = order.contact;

	await reads.addContact(contactId);
	await addLists(reads);
	const { contact } = await reads.write('contacts.createContact', {
		locationId: order.location, firstName: 'Ada',
		email: 'ada@example.com', tags: ['fresh'],
	});
	await reads.addContact(contact.id);
	await reads.write('contacts.updateContact', { contactId },
		{ firstName: 'Grace', city: 'Zürich' });
	await reads.write('contacts.addTags', { contactId },
		{ tags: ['Gold'] });
	await reads.write('contacts.removeTags', { contactId },
		{ tags: ['gold'] });
	await writeTasks(reads, contactId);
	await reads.write('contacts.deleteContact',
		{ contactId: contact.id });
	await reads.write('contacts.deleteContact', { contactId });
}

// Errors keep their class, message and body, also the second time.
async function refusals() {
	const ghl = connect(order.config);
	const stranger = connect(
		{ privateIntegrationToken: 'pit-unknown' });
	const contactId = order.contact;

	for (let round = 0; round < 2; round++) {
		await call(stranger, 'contacts.getContact', { contactId });
		await call(stranger, 'contacts.createContact',
			{ locationId: order.location });
		await call(ghl, 'contacts.getContact',
			{ contactId: 'AAAAAAAAAAAAAAAAAAAA' });
		await call(ghl, 'contacts.getTask',
			{ contactId, taskId: 'AAAAAAAAAAAAAAAAAAAA' });
		await call(ghl, 'contacts.getContacts',
			{ locationId: order.foreign });
		await call(ghl, 'contacts.createContact',
			{ locationId: order.location, nonsense: 1 });
	}
	for (const status of [500, 502, 503]) {
		await control('faults', { kind: 'status', status, count: 1,
			operation: 'contacts.get-all-notes' });
		await call(ghl, 'contacts.getAllNotes', { contactId });
		await control('reset', { only: ['faults'] });
	}
}

// An access token that ran out is refreshed after a 401, once for all of the
// calls that met it, and they are repeated.
async function refresh() {
	const { client_id: clientId, client_secret: clientSecret, code } =
		order.client;
	const ghl = connect({ clientId, clientSecret });
	const locationId = order.location;
	const list = limit => call(ghl, 'contacts.getContacts',
		{ locationId, limit });
	const session = await ghl.oauth.getAccessToken({
		client_id: clientId, client_secret: clientSecret, code,
		grant_type: 'authorization_code', user_type: 'Location',
	});

	await ghl.getSessionStorage().setSession(locationId, session);
	await list(1);
	await control('clock', { advance: 86400 });
	await list(2);
	await list(2);
	await control('clock', { advance: 86400 });
	const calls = [3, 4, 5].map(limit => ghl.contacts.getContacts(
		{ locationId, limit }));
	for (const value of await Promise.all(calls))
		console.log(JSON.stringify({ call: 'at once', value }));
	// A session that nothing helps.
	await ghl.getSessionStorage().setSession(locationId,
		{ ...session, refresh_token: 'spent', access_token: 'old' });
	await list(6);
}

// A 429 of the burst limit is told from one of the daily limit; only the
// former is worth another try.
async function limits() {
	const ghl = connect(order.config);
	const patient = connect({ ...order.config, rateLimitRetry: true });
	let limit = 0;
	const read = who => call(who, 'contacts.getContacts',
		{ locationId: order.location, limit: ++limit });
	const refuseOne = () => control('faults', { kind: '429', count: 1 });

	await refuseOne();
	await read(ghl);
	await refuseOne();
	await read(patient);
	while (limit < order.daily)
		await read(ghl);
	await refuseOne();
	await read(ghl);
	await refuseOne();
	await read(patient);
}

await { operations, refusals, refresh, limits }[order.scenario]();
