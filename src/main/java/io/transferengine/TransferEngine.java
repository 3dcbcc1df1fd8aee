// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.StatusCodes.FAILED;
import static io.transferengine.StatusCodes.failed;

import io.transferengine.access.AccessRights;
import io.transferengine.engine.LocalMemory;
import io.transferengine.transfer.ErrorCode;
import java.util.List;

/**
 * Mooncake's documented Transfer Engine methods. Use this class to port Python code, or at a JShell
 * prompt.
 *
 * <p>A method that returns an {@code int} returns 0 for success and a negative {@link ErrorCode}
 * for a failure. No method throws, whatever happens: invalid arguments, null, and errors of the JVM
 * such as an OutOfMemoryError are failures. The cause is logged once, at WARN, with the remedy.
 * Before {@code initialize} has succeeded and after {@link #close()}, every method returns -1, 0,
 * "" or an empty value.
 *
 * <p>Thread-safe. Each method is a short delegation to {@link Engine}.
 */
public final class TransferEngine extends DeviceCalls implements AutoCloseable {
  private final EngineSlot slot = new EngineSlot();

  /** An engine that is not initialized yet. */
  public TransferEngine() {}

  // ---- life

  /**
   * Opens the engine.
   *
   * @param localHostname in peer-to-peer mode our host as peers reach it, a name or an address. A
   *     port after it is ignored; the segment's name becomes the host, a colon and {@link
   *     #getRpcPort()}. With a metadata service, the segment's name, used as it is
   * @param metadataServer {@code P2PHANDSHAKE}, {@code etcd://host:port[;host:port]}, {@code
   *     host:port} of etcd, {@code http(s)://host:port/path} or {@code redis://host:port}; empty to
   *     use the variable MC_METADATA_SERVER
   * @param protocol {@code tcp}, {@code rdma}, or empty for the best available
   * @param deviceName network devices; empty for all
   * @return 0; or negative, then it may be tried again. -1 if the engine is already initialized;
   *     the engine goes on unharmed
   */
  public int initialize(
      String localHostname, String metadataServer, String protocol, String deviceName) {
    try {
      slot.open(localHostname, metadataServer, protocol, deviceName);
      return 0;
    } catch (Throwable t) {
      return failed("initialize", t);
    }
  }

  /**
   * As {@link #initialize}, with a separate argument for the kind of metadata service.
   *
   * @param localHostname as there
   * @param metadataServer as there, or an address without a scheme
   * @param protocol as there
   * @param deviceName as there
   * @param metadataType {@code etcd}, {@code http}, {@code https} or {@code redis}: the scheme for
   *     an address without one; {@code P2PHANDSHAKE}, or empty if the address has it
   * @return as there
   */
  public int initializeExt(
      String localHostname,
      String metadataServer,
      String protocol,
      String deviceName,
      String metadataType) {
    try {
      slot.open(
          localHostname, MetadataServers.join(metadataServer, metadataType), protocol, deviceName);
      return 0;
    } catch (Throwable t) {
      return failed("initializeExt", t);
    }
  }

  /** {@return the port of our handshake daemon, -1 without one} */
  public int getRpcPort() {
    try {
      return open().rpcPort();
    } catch (Throwable t) {
      return failed("getRpcPort", t, FAILED);
    }
  }

  /**
   * Ends everything within some 5 seconds; calls that wait return -1. Throws nothing. Idempotent,
   * for any thread at any moment: an {@code initialize} in another thread returns -1 and leaves
   * nothing behind.
   */
  @Override
  public void close() {
    try {
      slot.close();
    } catch (Throwable t) {
      int _ = failed("close", t);
    }
  }

  // ---- memory

  /**
   * Allocates registered memory.
   *
   * @param length in bytes, above 0
   * @return its address; 0 on failure
   */
  public long allocateManagedBuffer(long length) {
    return allocateManagedBuffer(length, AccessRights.READ_WRITE);
  }

  /**
   * As {@link #allocateManagedBuffer(long)}, and says what peers may do with the memory.
   *
   * @param length as there
   * @param rights what peers may do; our own transfers may use the memory either way
   * @return as there
   */
  public long allocateManagedBuffer(long length, AccessRights rights) {
    try {
      return memory().allocate(length, rights).address();
    } catch (Throwable t) {
      return failed("allocateManagedBuffer", t, 0L);
    }
  }

  /**
   * Takes managed memory back. Transfers over it get a second to end, then they are canceled. When
   * this returns 0, nothing touches the memory any more, and a peer that asks for it over TCP is
   * refused. Once the same memory is handed out again, with the same rights, a peer that still has
   * the address can reach it again; so it is handed out last, and in the first 30 s only if there
   * is no other. Over RDMA the pool's key stays valid: a peer that still has the address can do
   * there what the rights allow. If memory must be out of reach, use {@link #registerMemory(long,
   * long)}: {@link #unregisterMemory} takes its key away.
   *
   * @param bufferAddress as allocated
   * @param length as allocated
   * @return 0; -3 for an address that was not allocated or is already free; -1 for another length
   */
  public int freeManagedBuffer(long bufferAddress, long length) {
    try {
      memory().free(bufferAddress, length);
      return 0;
    } catch (Throwable t) {
      return failed("freeManagedBuffer", t);
    }
  }

  /**
   * Asks a peer for its first registered range.
   *
   * @param segmentName the peer
   * @return the address in the peer's process; 0 if the peer has no range or does not answer
   */
  public long getFirstBufferAddress(String segmentName) {
    try {
      var buffers = open().core().describe(segmentName).buffers();
      return buffers.isEmpty() ? 0 : buffers.getFirst().address();
    } catch (Throwable t) {
      return failed("getFirstBufferAddress", t, 0L);
    }
  }

  /**
   * Copies bytes into memory that this engine allocated or that is registered with it.
   *
   * @param destAddress the first byte to write
   * @param src the bytes
   * @param length how many of them, 0 to {@code src.length}
   * @return 0; -3 for memory that is not of this engine; -1 for a length out of range
   */
  public int writeBytesToBuffer(long destAddress, byte[] src, long length) {
    try {
      BufferBytes.write(memory(), destAddress, src, length);
      return 0;
    } catch (Throwable t) {
      return failed("writeBytesToBuffer", t);
    }
  }

  /**
   * Copies bytes out of memory that this engine allocated or that is registered with it.
   *
   * @param sourceAddress the first byte to read
   * @param length how many, 0 to 2^31 - 9
   * @return the bytes; empty for memory that is not of this engine
   */
  public byte[] readBytesFromBuffer(long sourceAddress, long length) {
    try {
      return BufferBytes.read(memory(), sourceAddress, length);
    } catch (Throwable t) {
      return failed("readBytesFromBuffer", t, BufferBytes.NONE);
    }
  }

  /**
   * Registers the caller's own host memory. The caller must keep it mapped until it is
   * unregistered.
   *
   * @param bufferAddress of the first byte
   * @param capacity in bytes, above 0
   * @return 0; -1 for an empty or overflowing range, or one that is not wholly mapped readable and
   *     writable; -7 for one that overlaps another registration
   */
  public int registerMemory(long bufferAddress, long capacity) {
    return registerMemory(bufferAddress, capacity, "*");
  }

  /**
   * As {@link #registerMemory(long, long)}, and says where the memory is.
   *
   * @param address as there
   * @param capacity as there
   * @param location {@code *} if it is not known, {@code cpu:N}, or {@code cuda:N} for memory of
   *     CUDA device N, which has to be at rest when a transfer of it is submitted
   * @return as there
   */
  public int registerMemory(long address, long capacity, String location) {
    return registerMemory(address, capacity, location, AccessRights.READ_WRITE);
  }

  /**
   * As {@link #registerMemory(long, long, String)}, and says what peers may do with the memory. Our
   * own transfers may use it either way.
   *
   * @param address as there
   * @param capacity as there
   * @param location as there
   * @param rights what peers may do
   * @return as there
   */
  public int registerMemory(long address, long capacity, String location, AccessRights rights) {
    try {
      var _ = memory().register(address, capacity, location, rights);
      return 0;
    } catch (Throwable t) {
      return failed("registerMemory", t);
    }
  }

  /**
   * Ends a registration. Transfers over it end as with {@link #freeManagedBuffer}.
   *
   * @param bufferAddress as registered
   * @return 0; -3 if no registration begins there; another code if the memory is still in use or a
   *     device keeps it. Then it must stay mapped, and this may be called again
   */
  public int unregisterMemory(long bufferAddress) {
    try {
      memory().unregister(bufferAddress);
      return 0;
    } catch (Throwable t) {
      return failed("unregisterMemory", t);
    }
  }

  /**
   * Registers all ranges or none.
   *
   * @param addresses of the first bytes
   * @param capacities in bytes, as many
   * @return 0, or as {@link #registerMemory(long, long)}
   */
  public int batchRegisterMemory(long[] addresses, long[] capacities) {
    return batchRegisterMemory(addresses, capacities, "*", AccessRights.READ_WRITE);
  }

  /**
   * As {@link #batchRegisterMemory(long[], long[])}, with a location and rights for all ranges.
   *
   * @param addresses as there
   * @param capacities as there
   * @param location as {@link #registerMemory(long, long, String)}
   * @param rights what peers may do
   * @return as there
   */
  public int batchRegisterMemory(
      long[] addresses, long[] capacities, String location, AccessRights rights) {
    try {
      var _ = memory().registerAll(addresses, capacities, location, rights);
      return 0;
    } catch (Throwable t) {
      return failed("batchRegisterMemory", t);
    }
  }

  /**
   * Ends several registrations.
   *
   * @param addresses as registered
   * @return 0; else the first failure, after all others were ended
   */
  public int batchUnregisterMemory(long[] addresses) {
    try {
      memory().unregisterAll(addresses);
      return 0;
    } catch (Throwable t) {
      return failed("batchUnregisterMemory", t);
    }
  }

  // ---- transfers

  /**
   * Writes registered memory to a peer. Waits until the bytes are there.
   *
   * @param targetHostname the peer's segment
   * @param buffer our memory
   * @param peerBufferAddress the peer's
   * @param length in bytes; 0 does nothing
   * @return 0; -3 if our range is not registered or managed here; -1 if the peer refused or the
   *     deadline passed; else another {@link ErrorCode}
   */
  public int transferSyncWrite(
      String targetHostname, long buffer, long peerBufferAddress, long length) {
    return transferSync(targetHostname, buffer, peerBufferAddress, length, TransferOpcode.WRITE);
  }

  /**
   * Reads a peer's memory into ours. Waits until the bytes are here.
   *
   * @param targetHostname the peer's segment
   * @param buffer our memory
   * @param peerBufferAddress the peer's
   * @param length in bytes; 0 does nothing
   * @return as {@link #transferSyncWrite}
   */
  public int transferSyncRead(
      String targetHostname, long buffer, long peerBufferAddress, long length) {
    return transferSync(targetHostname, buffer, peerBufferAddress, length, TransferOpcode.READ);
  }

  /**
   * Moves bytes in either direction. Waits for the end.
   *
   * @param targetHostname the peer's segment
   * @param buffer our memory
   * @param peerBufferAddress the peer's
   * @param length in bytes; 0 does nothing
   * @param opcode the direction
   * @return as {@link #transferSyncWrite}
   */
  public int transferSync(
      String targetHostname,
      long buffer,
      long peerBufferAddress,
      long length,
      TransferOpcode opcode) {
    try {
      return Batches.await(
          open(), Batches.request(targetHostname, buffer, peerBufferAddress, length, opcode));
    } catch (Throwable t) {
      return failed("transferSync", t);
    }
  }

  /**
   * Begins a write; does not wait.
   *
   * @param targetHostname the peer's segment
   * @param buffer our memory
   * @param peerBufferAddress the peer's
   * @param length in bytes
   * @return a batch id above 0; -3 if our range is not registered or managed here, -1 for other
   *     invalid arguments. If the peer refuses the transfer, the status says so
   */
  public long transferSubmitWrite(
      String targetHostname, long buffer, long peerBufferAddress, long length) {
    return submitOne(targetHostname, buffer, peerBufferAddress, length, TransferOpcode.WRITE);
  }

  /**
   * Begins a read; does not wait.
   *
   * @param targetHostname the peer's segment
   * @param buffer our memory
   * @param peerBufferAddress the peer's
   * @param length in bytes
   * @return as {@link #transferSubmitWrite}
   */
  public long transferSubmitRead(
      String targetHostname, long buffer, long peerBufferAddress, long length) {
    return submitOne(targetHostname, buffer, peerBufferAddress, length, TransferOpcode.READ);
  }

  private long submitOne(
      String target, long buffer, long peerAddress, long length, TransferOpcode opcode) {
    try {
      return batches.submit(open(), Batches.request(target, buffer, peerAddress, length, opcode));
    } catch (Throwable t) {
      return failed("transferSubmit", t, (long) FAILED);
    }
  }

  /**
   * Returns the state of a batch.
   *
   * @param batchId as returned
   * @return 0 while it runs; then, once, 1 for completed, -1 for failed or -2 for timed out; -1 for
   *     an unknown id, and after the end was returned
   */
  public int transferCheckStatus(long batchId) {
    try {
      var _ = open();
      return batches.check(batchId);
    } catch (Throwable t) {
      return failed("transferCheckStatus", t, FAILED);
    }
  }

  /**
   * Writes several blocks to one peer. Waits for the end.
   *
   * @param targetHostname the peer's segment
   * @param buffers our addresses
   * @param peerBufferAddresses the peer's, as many
   * @param lengths in bytes, as many
   * @return as {@link #transferSyncWrite}; -1 for columns of different lengths
   */
  public int batchTransferSyncWrite(
      String targetHostname, long[] buffers, long[] peerBufferAddresses, long[] lengths) {
    return batchTransferSync(
        targetHostname, buffers, peerBufferAddresses, lengths, TransferOpcode.WRITE);
  }

  /**
   * Reads several blocks from one peer. Waits for the end.
   *
   * @param targetHostname the peer's segment
   * @param buffers our addresses
   * @param peerBufferAddresses the peer's, as many
   * @param lengths in bytes, as many
   * @return as {@link #batchTransferSyncWrite}
   */
  public int batchTransferSyncRead(
      String targetHostname, long[] buffers, long[] peerBufferAddresses, long[] lengths) {
    return batchTransferSync(
        targetHostname, buffers, peerBufferAddresses, lengths, TransferOpcode.READ);
  }

  /**
   * Moves several blocks in either direction. Waits for the end.
   *
   * @param targetHostname the peer's segment
   * @param buffers our addresses
   * @param peerBufferAddresses the peer's, as many
   * @param lengths in bytes, as many
   * @param opcode the direction
   * @return as {@link #batchTransferSyncWrite}
   */
  public int batchTransferSync(
      String targetHostname,
      long[] buffers,
      long[] peerBufferAddresses,
      long[] lengths,
      TransferOpcode opcode) {
    try {
      return Batches.await(
          open(), Batches.request(targetHostname, buffers, peerBufferAddresses, lengths, opcode));
    } catch (Throwable t) {
      return failed("transferSync", t);
    }
  }

  /**
   * Begins to write several blocks; does not wait.
   *
   * @param targetHostname the peer's segment
   * @param buffers our addresses
   * @param peerBufferAddresses the peer's, as many
   * @param lengths in bytes, as many
   * @return as {@link #transferSubmitWrite}
   */
  public long batchTransferAsyncWrite(
      String targetHostname, long[] buffers, long[] peerBufferAddresses, long[] lengths) {
    return batchTransferAsync(
        targetHostname, buffers, peerBufferAddresses, lengths, TransferOpcode.WRITE);
  }

  /**
   * Begins to read several blocks; does not wait.
   *
   * @param targetHostname the peer's segment
   * @param buffers our addresses
   * @param peerBufferAddresses the peer's, as many
   * @param lengths in bytes, as many
   * @return as {@link #transferSubmitWrite}
   */
  public long batchTransferAsyncRead(
      String targetHostname, long[] buffers, long[] peerBufferAddresses, long[] lengths) {
    return batchTransferAsync(
        targetHostname, buffers, peerBufferAddresses, lengths, TransferOpcode.READ);
  }

  /**
   * Begins to move several blocks in either direction; does not wait.
   *
   * @param targetHostname the peer's segment
   * @param buffers our addresses
   * @param peerBufferAddresses the peer's, as many
   * @param lengths in bytes, as many
   * @param opcode the direction
   * @return as {@link #transferSubmitWrite}
   */
  public long batchTransferAsync(
      String targetHostname,
      long[] buffers,
      long[] peerBufferAddresses,
      long[] lengths,
      TransferOpcode opcode) {
    try {
      return batches.submit(
          open(), Batches.request(targetHostname, buffers, peerBufferAddresses, lengths, opcode));
    } catch (Throwable t) {
      return failed("transferSubmit", t, (long) FAILED);
    }
  }

  /**
   * Waits until all batches have ended.
   *
   * @param batchIds as returned; afterwards these ids are unknown
   * @return 0 if all completed; -1 if one failed, timed out or is unknown
   */
  public int getBatchTransferStatus(long[] batchIds) {
    try {
      var _ = open();
      return batches.awaitAll(batchIds);
    } catch (Throwable t) {
      return failed("getBatchTransferStatus", t, FAILED);
    }
  }

  /** {@return the priority matrix of the network devices as JSON; <code>{}</code> without any} */
  public String getLocalTopology() {
    try {
      return open().topologyJson();
    } catch (Throwable t) {
      return failed("getLocalTopology", t, "");
    }
  }

  /**
   * Asks whether a peer is alive.
   *
   * @param peer its segment
   * @return 0 if it answers, else negative
   */
  public int sendProbe(String peer) {
    try {
      open().probe(peer);
      return 0;
    } catch (Throwable t) {
      return failed("sendProbe", t);
    }
  }

  /**
   * Sends a message to a peer's application.
   *
   * @param peer its segment
   * @param name its subject
   * @param message its text
   * @return 0 if the peer has it, else negative
   */
  public int sendNotify(String peer, String name, String message) {
    try {
      open().sendNotify(peer, new TransferNotify(name, message));
      return 0;
    } catch (Throwable t) {
      return failed("sendNotify", t);
    }
  }

  /** {@return the messages that have arrived since the last call, oldest first} */
  public List<TransferNotify> getNotifies() {
    try {
      return open().takeNotifies();
    } catch (Throwable t) {
      return failed("getNotifies", t, List.of());
    }
  }

  @Override
  Engine open() {
    return slot.get();
  }

  private LocalMemory memory() {
    return open().core().memory();
  }
}
