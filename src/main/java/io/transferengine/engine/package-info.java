// SPDX-License-Identifier: Apache-2.0
/**
 * What lies between the public API and the transports: {@link io.transferengine.engine.EngineCore}
 * puts the parts together, {@link io.transferengine.engine.LocalMemory} knows what is registered,
 * {@link io.transferengine.engine.SegmentCache} where peers are, {@link
 * io.transferengine.engine.ActiveTransfers} what is under way. It finds transports by {@link
 * java.util.ServiceLoader} and names none of them.
 */
package io.transferengine.engine;
