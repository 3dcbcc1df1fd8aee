// SPDX-License-Identifier: Apache-2.0
/**
 * One-sided reads and writes over RDMA (protocol sections 5.3, 5.4, 8 and 9).
 *
 * <p>A {@code RdmaNic} is an opened device with its worker threads; a {@code RdmaPeer} is a segment
 * that we move bytes to or from; a {@code RdmaPath} is the way from one of our devices to one of
 * the peer's; a {@code RdmaEndpoint} is a set of connected queue pairs. Workers post and poll;
 * connecting happens on virtual threads.
 */
package io.transferengine.transport.rdma;
