// SPDX-License-Identifier: Apache-2.0
/**
 * What a transport is to the engine ({@link io.transferengine.transport.Transport}), and the work
 * it is given ({@link io.transferengine.transport.TransferTask}). Transports are found by {@link
 * java.util.ServiceLoader}; the engine names none of them.
 */
package io.transferengine.transport;
