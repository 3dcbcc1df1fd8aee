// SPDX-License-Identifier: Apache-2.0
/**
 * Mooncake's TCP data protocol (protocol section 7) on Netty, in both roles. Netty appears in this
 * package only.
 *
 * <p>A {@code TargetConnection} serves a peer. A {@code TcpPeer} is one that we ask; a {@code Lane}
 * is one of the parallel ways to it, and has a {@code LaneConnection} while it is in use. Both ends
 * of a connection are {@code WireHandler}s on one of the {@code EventLoops}.
 *
 * <p>Who may know whom: each file only those of lines above it, and no file is in a cycle ({@code
 * ArchitectureTest}). What a file needs of a later line is an interface inside the file itself,
 * named in brackets with the one that implements it.
 *
 * <pre>
 * TcpOptions  ConnectionReuse  UnconfirmedWrite  StagingDry   values, errors, Netty's libraries
 * FrameStream  CallerTurn
 * LocalFaults  LoopTasks  PublishedRanges  NettyLibrary  TlsChoice
 * ConnectionEnd  NettyNatives  SteadyLoop  LoopLease  HandlerAround  LostChannels  NioListener
 * BusyPoll  SharedLoop
 * IoBackend
 * MemoryWindow                           [Pool: WindowPool]   buffers
 * Checksum  StagingShare
 * StagingBlock                           [Pool: WindowPool]
 * CallerFrame
 * Frames  ReadReserve  TlsBudget  CallerFrames
 * WindowPool
 * RequestHeader  HeldInput  EventLoops  TrailingSum
 * ReceiveAllocator                    [Stream: WireHandler]   the socket's reads and writes
 * BodiesOut
 * OutboundStream                    [Listener: WireHandler]
 * TlsSocket  BoringSsl                        [Guard: DataTls]
 * OpenReads
 * WireHandler
 * DataTls  TokenGate  DataEncryption
 * StallWatch
 * StagedTask                        [Staging: DeviceStaging]   device memory on our side
 * TargetSlots
 * DeviceStaging
 * TargetContext                                               the target's end
 * Admission
 * InboundCounts  HeldBytes  VectorTable
 * StagedRequest                    [Source: InboundStaging]
 * RequestReader                [Listener: TargetConnection]
 * VersionOneTurn               [Listener: VersionOneMember]
 * VersionOneMember   [Host: VersionOneOrder, Connection: TargetConnection]
 * VersionOneOrder  Answers
 * Refusals  InboundTimeouts
 * InboundStaging
 * TargetConnection
 * TokenDoor  AcceptedDescriptors
 * TargetServer
 * RequestRing                                                 the initiator's end
 * RequestWriter  LateWrites  IdentityCheck  TokenKnock
 * LetGo                              [Of: LaneConnection]
 * LaneStaging                              [Listener: Lane]
 * WriteConfirmation
 * WireForm  ConnectAttempt  LaneTerm
 * PeerProfile
 * LaneTasks  ClaimLimits
 * TaskQueue
 * RequestOutcomes
 * CallerSend           [Of: LaneConnection, Socket: CallerSocket]
 * CallerSocket
 * LaneCallers                [Of: LaneConnection, Owner: Lane]
 * LaneSender                           [Of: LaneConnection, Owner: Lane]
 * AnswerReader                   [Listener: LaneConnection]
 * LaneConnection                              [Owner: Lane]
 * LaneBootstrap                                   [Of: Lane]
 * LaneCancel  LaneEnds                         [Of: Lane]
 * Lane                         [Owner: TcpPeer, CallerLane]
 * CallerLane                                  [Of: TcpPeer]
 * TcpPeer
 * TcpTransport
 * TcpTransportProvider
 * </pre>
 */
package io.transferengine.transport.tcp;
