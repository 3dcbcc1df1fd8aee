// SPDX-License-Identifier: Apache-2.0
/**
 * The layer between the public API and the transports. {@link io.transferengine.engine.EngineCore}
 * puts the parts together; {@link io.transferengine.engine.LocalMemory} knows the registered
 * memory, {@link io.transferengine.engine.SegmentCache} the peers, {@link
 * io.transferengine.engine.ActiveTransfers} the transfers under way. It finds transports by {@link
 * java.util.ServiceLoader} and names none of them.
 */
package io.transferengine.engine;
