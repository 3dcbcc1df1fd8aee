// SPDX-License-Identifier: Apache-2.0
/**
 * Tests over real RDMA devices, through the public API and between two processes. They carry the
 * tag {@code rdma}, which Maven leaves out; {@code ./te test} runs them in the soft-RoCE guest, or
 * on the devices of a host that has some.
 */
package io.transferengine.rdma;
