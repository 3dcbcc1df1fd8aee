// SPDX-License-Identifier: Apache-2.0
/**
 * One-sided reads and writes over RDMA (protocol sections 5.3, 5.4, 8 and 9).
 *
 * <p>An {@code RdmaDevice} is an opened device. An {@code RdmaNic} is a device with its worker
 * threads and its endpoints. An {@code RdmaEndpoint} is a set of connected queue pairs. An {@code
 * RdmaPeer} is a segment that we move bytes to or from. An {@code RdmaPath} leads from one of our
 * devices to one of the peer's. Workers post requests and poll for completions, or who submits a
 * small transfer does so while its worker sleeps. Virtual threads make the connections.
 *
 * <p>A file uses only files of the lines above it, and no file is in a cycle ({@code
 * ArchitectureTest}). If a file needs something of a later line, it declares an interface for it.
 * The brackets name these interfaces and the classes that implement them.
 *
 * <pre>
 * RdmaSettings  LocalGid  NicPath  PeerPort  WorkErrors       values, tables, threads
 * RemoteBuffers  PostedRing  WorkerTimers  ControlThreads  OpenTasks
 * GidSource  CommandQueue  FailedTurns  DeviceArrivals  PollingTime
 * RdmaDevice  SysfsGidSource                                  port, GID, protection domain
 * DeviceMemory                                                memory of GPUs, for the cards
 * Registrations  PartnerRanking  SendQueue                    our memory; one queue pair
 * PostingSink
 * RdmaEndpoint        [Worker: RdmaWorker, Sender: RdmaPeer]  the queue pairs to one device
 * SlotTable  EndpointStore
 * EndpointEnds                            [Loop: RdmaWorker]
 * RequestErrors
 * RdmaWorker                                                  the thread that posts and polls
 * RdmaNic
 * ConnectionRights  RdmaPath
 * Handshakes
 * RdmaPeer                          [Helper: RdmaTransport]   the tasks for one peer
 * PathConnector  DeviceMonitor    [Listener: RdmaTransport]
 * RdmaTransport
 * RdmaTransportProvider
 * </pre>
 */
package io.transferengine.transport.rdma;
