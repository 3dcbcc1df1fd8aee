// SPDX-License-Identifier: Apache-2.0
/**
 * One-sided reads and writes over RDMA (protocol sections 5.3, 5.4, 8 and 9).
 *
 * <p>An {@code RdmaDevice} is an opened device; an {@code RdmaNic} is one with its worker threads
 * and its endpoints. An {@code RdmaEndpoint} is a set of connected queue pairs. An {@code RdmaPeer}
 * is a segment that we move bytes to or from, an {@code RdmaPath} the way from one of our devices
 * to one of the peer's. Workers post and poll; connecting happens on virtual threads.
 *
 * <p>Who may know whom: each file only those of lines above it, and no file is in a cycle ({@code
 * ArchitectureTest}). What a file needs of a later line is an interface inside the file itself,
 * named in brackets with the one that implements it.
 *
 * <pre>
 * RdmaSettings  LocalGid  NicPath  PeerPort  WorkErrors       values, tables, threads
 * RemoteBuffers  PostedRing  WorkerTimers  ControlThreads
 * GidSource
 * RdmaDevice  SysfsGidSource                                  port, GID, protection domain
 * Registrations  PartnerRanking  SendQueue                    our memory; one queue pair
 * PostingSink
 * RdmaEndpoint        [Worker: RdmaWorker, Sender: RdmaPeer]  the queue pairs to one device
 * SlotTable  EndpointStore
 * EndpointEnds                            [Loop: RdmaWorker]
 * RdmaWorker                                                  the thread that posts and polls
 * RdmaNic
 * Handshakes  RdmaPath
 * RdmaPeer                          [Helper: RdmaTransport]   the tasks for one peer
 * PathConnector  DeviceMonitor    [Listener: RdmaTransport]
 * RdmaTransport
 * RdmaTransportProvider
 * </pre>
 */
package io.transferengine.transport.rdma;
