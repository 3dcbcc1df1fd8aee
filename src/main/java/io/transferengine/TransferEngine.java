// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.StatusCodes.FAILED;
import static io.transferengine.StatusCodes.failed;

import io.transferengine.engine.LocalMemory;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.List;

/**
 * Mooncake's documented Transfer Engine methods: the class to port Python code to, and to type at a
 * JShell prompt.
 *
 * <p>A method that returns an {@code int} gives 0 for success and a negative {@link ErrorCode} for
 * a failure; none throws, whatever happens: null or nonsensical arguments are failures, and so are
 * errors of the JVM such as an OutOfMemoryError. The cause is logged once, at WARN, with what can
 * be done about it. Until {@code initialize} has succeeded and after {@link #close()} every method
 * returns -1, 0, "" or something empty.
 *
 * <p>Thread-safe. Each method is a short delegation to {@link Engine}.
 */
public final class TransferEngine implements AutoCloseable {
  private final Batches batches = new Batches();
  private final EngineSlot slot = new EngineSlot();

  /** An engine that has yet to be initialized. */
  public TransferEngine() {}

  // ---- life

  /**
   * Opens the engine.
   *
   * @param localHostname in P2P mode our host as peers reach it, a name or an address; a port
   *     behind it is ignored, and the segment's name becomes the host, a colon and {@link
   *     #getRpcPort()}. With a metadata service the segment's name, as it is
   * @param metadataServer {@code P2PHANDSHAKE}, {@code etcd://host:port[;host:port]}, {@code
   *     host:port} of etcd, {@code http(s)://host:port/path} or {@code redis://host:port}; empty
   *     for the variable MC_METADATA_SERVER
   * @param protocol {@code tcp}, {@code rdma}, or empty for the best there is
   * @param deviceName network devices; empty for all
   * @return 0, or negative: then it may be tried again. -1 on an engine that is initialized, which
   *     goes on unharmed
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
   * As {@link #initialize}, with the kind of metadata service given apart.
   *
   * @param localHostname as there
   * @param metadataServer as there, or an address without a scheme
   * @param protocol as there
   * @param deviceName as there
   * @param metadataType {@code etcd}, {@code http}, {@code https} or {@code redis}: the scheme of
   *     an address that has none; {@code P2PHANDSHAKE} or empty where the server says it all
   * @return as there
   */
  public int initializeExt(
      String localHostname,
      String metadataServer,
      String protocol,
      String deviceName,
      String metadataType) {
    try {
      String server = MetadataServers.join(metadataServer, metadataType);
      slot.open(localHostname, server, protocol, deviceName);
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
      int _ = failed("getRpcPort", t);
      return FAILED;
    }
  }

  /**
   * Ends everything within some 5 seconds; calls that wait return -1. Throws nothing. Idempotent,
   * for any thread at any moment: an {@code initialize} that goes on meanwhile returns -1 and
   * leaves nothing behind.
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
   * Hands out registered memory.
   *
   * @param length in bytes, above 0
   * @return its address, 0 on failure
   */
  public long allocateManagedBuffer(long length) {
    try {
      return memory().allocate(length).address();
    } catch (Throwable t) {
      int _ = failed("allocateManagedBuffer", t);
      return 0;
    }
  }

  /**
   * Takes managed memory back. What is in flight over it gets a second to end, then it is canceled;
   * when this returns 0, nothing touches the memory any more: a peer that asks for it over TCP is
   * refused. To whoever gets the same memory later a peer that still has the address is as good as
   * any other, so freed memory is handed out last, and for 30 s only when there is no other; once
   * all of a pool is free, it begins anew with its first block. Over RDMA the pool's key stays
   * valid: a peer that still has the address can read and write what is there. Memory that must be
   * out of reach is for {@link #registerMemory(long, long)}, whose key {@link #unregisterMemory}
   * takes away.
   *
   * @param bufferAddress as handed out
   * @param length as asked for
   * @return 0; -3 for an address that was not handed out or is free already; -1 for another length
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
   * @return the address in the peer's process, 0 when it has none or does not answer
   */
  public long getFirstBufferAddress(String segmentName) {
    try {
      var buffers = open().core().describe(segmentName).buffers();
      return buffers.isEmpty() ? 0 : buffers.getFirst().address();
    } catch (Throwable t) {
      int _ = failed("getFirstBufferAddress", t);
      return 0;
    }
  }

  /**
   * Copies bytes into memory that this engine handed out or that is registered with it.
   *
   * @param destAddress where to
   * @param src what
   * @param length how many of them, 0 to {@code src.length}
   * @return 0; -3 for memory of which this engine knows nothing; -1 for a length out of range
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
   * Copies bytes out of memory that this engine handed out or that is registered with it.
   *
   * @param sourceAddress where from
   * @param length how many, 0 to 2^31 - 9
   * @return the bytes; empty for memory of which this engine knows nothing
   */
  public byte[] readBytesFromBuffer(long sourceAddress, long length) {
    try {
      return BufferBytes.read(memory(), sourceAddress, length);
    } catch (Throwable t) {
      int _ = failed("readBytesFromBuffer", t);
      return BufferBytes.NONE;
    }
  }

  /**
   * Registers host memory of the caller's, who must keep it mapped until it is unregistered.
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
   * As {@link #registerMemory(long, long)}, saying where the memory is.
   *
   * @param address as there
   * @param capacity as there
   * @param location {@code *} or {@code cpu:N}; {@code cuda:N} needs RDMA
   * @return as there
   */
  public int registerMemory(long address, long capacity, String location) {
    try {
      var _ = memory().register(address, capacity, location);
      return 0;
    } catch (Throwable t) {
      return failed("registerMemory", t);
    }
  }

  /**
   * Ends a registration; see {@link #freeManagedBuffer} for what is in flight over it.
   *
   * @param bufferAddress as registered
   * @return 0; -3 when no registration begins there; another code when something still uses the
   *     memory or a device keeps it: then it must stay mapped, and this may be called again
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
    try {
      if (addresses.length != capacities.length) {
        throw new TransferException(
            ErrorCode.INVALID_ARGUMENT,
            addresses.length + " addresses and " + capacities.length + " lengths",
            "Give as many of each");
      }
      var _ = memory().registerAll(addresses, capacities, "*");
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
   * Writes registered memory to a peer and waits until it is there.
   *
   * @param targetHostname the peer's segment
   * @param buffer our memory
   * @param peerBufferAddress the peer's
   * @param length in bytes; 0 does nothing
   * @return 0; -3 when our range is not registered or managed here; -1 when the peer refused or the
   *     deadline was over; else another {@link ErrorCode}
   */
  public int transferSyncWrite(
      String targetHostname, long buffer, long peerBufferAddress, long length) {
    return transferSync(targetHostname, buffer, peerBufferAddress, length, TransferOpcode.WRITE);
  }

  /**
   * Reads a peer's memory into ours and waits until it is here.
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
   * Moves bytes in either direction and waits for the end.
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
   * @return a batch id above 0; -3 when our range is not registered or managed here, -1 for other
   *     arguments that make no transfer. What the peer has against it shows in the status
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
      return notSubmitted(t);
    }
  }

  private static long notSubmitted(Throwable why) {
    int _ = failed("transferSubmit", why);
    return FAILED;
  }

  /**
   * Looks how a batch stands.
   *
   * @param batchId as returned
   * @return 0 while it runs, as often as asked; then once 1 for done, -1 for failed or -2 for timed
   *     out; -1 for an id that is not known (any more)
   */
  public int transferCheckStatus(long batchId) {
    try {
      var _ = open();
      return batches.check(batchId);
    } catch (Throwable t) {
      int _ = failed("transferCheckStatus", t);
      return FAILED;
    }
  }

  /**
   * Writes several blocks to one peer and waits for the end.
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
   * Reads several blocks from one peer and waits for the end.
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
   * Moves several blocks in either direction and waits for the end.
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
      return notSubmitted(t);
    }
  }

  /**
   * Waits until all batches have ended.
   *
   * @param batchIds as returned; they are not known any more afterwards
   * @return 0 when all were done; -1 when one failed, timed out or is not known
   */
  public int getBatchTransferStatus(long[] batchIds) {
    try {
      var _ = open();
      return batches.awaitAll(batchIds);
    } catch (Throwable t) {
      int _ = failed("getBatchTransferStatus", t);
      return FAILED;
    }
  }

  // ---- others

  /** {@return the priority matrix of the network devices as JSON; <code>{}</code> without any} */
  public String getLocalTopology() {
    try {
      return open().topologyJson();
    } catch (Throwable t) {
      int _ = failed("getLocalTopology", t);
      return "";
    }
  }

  /**
   * Asks whether a peer is alive.
   *
   * @param peer its segment
   * @return 0 when it answers, negative else
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
   * @param name what it is about
   * @param message its text
   * @return 0 when the peer has it, negative else
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
      int _ = failed("getNotifies", t);
      return List.of();
    }
  }

  private Engine open() {
    return slot.get();
  }

  private LocalMemory memory() {
    return open().core().memory();
  }
}
