// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a connection brought whose bytes were changed on the way, found by following the changed
 * bytes as their receivers do. Neither end can know of the change without checksums, so these bytes
 * may be where they are. Addresses are those of the target, for reads those that were asked for.
 * With TLS there are none: nothing that was changed comes out of it. Thread-safe.
 */
public final class Changes {
  private final int port;
  private final List<Bytes> written = new ArrayList<>();
  private final List<Bytes> read = new ArrayList<>();
  private final List<Range> uncertain = new ArrayList<>();
  private boolean noticed;

  /** Bytes that arrived for an address. Immutable. */
  public static final class Bytes {
    private final long address;
    private final byte[] bytes;

    private Bytes(long address, byte[] bytes) {
      this.address = address;
      this.bytes = bytes;
    }

    public long address() {
      return address;
    }

    public int length() {
      return bytes.length;
    }

    /** {@return a copy of some of them} */
    public byte[] range(int from, int to) {
      return Arrays.copyOfRange(bytes, from, to);
    }
  }

  /**
   * @param port of the relay
   */
  Changes(int port) {
    this.port = port;
  }

  /** {@return the port of the relay that the connection leads to} */
  public int port() {
    return port;
  }

  synchronized void addWritten(long address, byte[] bytes, int offset, int count) {
    written.add(new Bytes(address, Arrays.copyOfRange(bytes, offset, offset + count)));
  }

  synchronized void addRead(long address, byte[] bytes, int offset, int count) {
    read.add(new Bytes(address, Arrays.copyOfRange(bytes, offset, offset + count)));
  }

  synchronized void addUncertain(Request request) {
    for (int i = 0; i < request.ranges(); i++) {
      uncertain.add(new Range(request.address(i), request.length(i)));
    }
  }

  synchronized void areNoticed() {
    noticed = true;
  }

  /**
   * {@return whether checksums show the change} Then changed bytes are nowhere but in the
   * destinations of writes that did not complete.
   */
  public synchronized boolean noticed() {
    return noticed;
  }

  /** {@return what the target was told to write} */
  public synchronized List<Bytes> written() {
    return List.copyOf(written);
  }

  /** {@return what the initiator was given to read} */
  public synchronized List<Bytes> read() {
    return List.copyOf(read);
  }

  /** {@return ranges whose requests may count as answered although they are not, or were lost} */
  public synchronized List<Range> uncertain() {
    return List.copyOf(uncertain);
  }
}
