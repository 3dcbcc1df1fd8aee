// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.Ibv;
import io.transferengine.os.Errno;
import io.transferengine.os.NativeCallException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A device of a {@link SimulatedFabric}, with one port, and what a test can do to it. Two processes
 * have different devices, of the same name or not. Thread-safe.
 */
public final class SimulatedDevice {
  /** Of the GID table; the last two entries are not in use. */
  static final int GID_TABLE_LENGTH = 4;

  private static final int GIDS = 2;

  private final SimulatedFabric fabric;
  private final SimulatedVerbs process;
  private final String name;
  private final int number;

  // Guarded by the fabric's lock.
  private boolean portActive = true;
  private boolean removed;
  private final Map<String, Refusal> refusals = new HashMap<>();
  private final Set<Long> keptRegistered = new HashSet<>();

  /** The most elements of a request, and of a read. */
  int elements = SimulatedLimits.ELEMENTS;

  int readElements = SimulatedLimits.ELEMENTS;

  private record Refusal(int nth, int errno) {}

  SimulatedDevice(SimulatedFabric fabric, SimulatedVerbs process, String name, int number) {
    this.fabric = fabric;
    this.process = process;
    this.name = name;
    this.number = number;
  }

  /** {@return the name that {@link Device#names} lists} */
  public String name() {
    return name;
  }

  /**
   * Sets how many ranges of memory a request may have, for queue pairs that are made from now on.
   *
   * @param most in any request
   * @param inReads in a read; 0 if the device does not say
   */
  public void limitElements(int most, int inReads) {
    synchronized (fabric.lock) {
      elements = most;
      readElements = inReads;
    }
  }

  /** {@return the vectors of its completion queues, in the order in which these were made} */
  public List<Integer> completionVectors() {
    return fabric.completionVectors(this);
  }

  /** Takes the port down: its state, an event, and nothing moves until {@link #portUp}. */
  public void portDown() {
    synchronized (fabric.lock) {
      portActive = false;
      report(Ibv.IBV_EVENT_PORT_ERR(), 1);
    }
  }

  /** Takes the port up again. */
  public void portUp() {
    synchronized (fabric.lock) {
      portActive = true;
      report(Ibv.IBV_EVENT_PORT_ACTIVE(), 1);
    }
  }

  /**
   * Takes the device away for ever: an event, all requests flushed, and every verb but those that
   * destroy fails with EIO.
   */
  public void remove() {
    synchronized (fabric.lock) {
      removed = true;
      fabric.fail(queuePair -> queuePair.device == this);
      report(Ibv.IBV_EVENT_DEVICE_FATAL(), 0);
    }
  }

  /** Puts an event of the port into the queue of every context, as a change of its GIDs does. */
  public void gidChange() {
    synchronized (fabric.lock) {
      report(Ibv.IBV_EVENT_GID_CHANGE(), 1);
    }
  }

  /** Lets the {@code nth} registration from now, 1 being the next, fail with ENOMEM. */
  public void refuseRegistration(int nth) {
    refuse("ibv_reg_mr", nth, Errno.ENOMEM.number());
  }

  /**
   * Lets one call fail.
   *
   * @param verb C's name of a control verb, such as {@code ibv_create_qp}
   * @param nth which call from now, 1 being the next
   * @param errno with what
   */
  public void refuse(String verb, int nth, int errno) {
    synchronized (fabric.lock) {
      refusals.put(verb, new Refusal(nth, errno));
    }
  }

  /**
   * Lets deregistrations of memory that begins at an address fail with EBUSY from now on, or not.
   */
  public void keepRegistered(long address, boolean kept) {
    synchronized (fabric.lock) {
      if (kept) {
        keptRegistered.add(address);
      } else {
        keptRegistered.remove(address);
      }
    }
  }

  private void report(int type, long element) {
    fabric.contexts(this).forEach(context -> fabric.report(context, type, element));
    fabric.lock.notifyAll();
  }

  // For the simulator; under the fabric's lock.

  SimulatedFabric fabric() {
    return fabric;
  }

  SimulatedVerbs process() {
    return process;
  }

  boolean isPortActive() {
    return portActive && !removed;
  }

  /** {@return the entry of the GID table; link-local, then an IPv4 address, then zeros} */
  byte[] gid(int index) {
    byte[] gid = new byte[16];
    if (index < GIDS) {
      gid[14] = (byte) (number >> Byte.SIZE);
      gid[15] = (byte) number;
      if (index == 0) {
        gid[0] = (byte) 0xfe;
        gid[1] = (byte) 0x80;
      } else {
        gid[10] = (byte) 0xff;
        gid[11] = (byte) 0xff;
        gid[12] = 10;
        gid[13] = 88;
      }
    }
    return gid;
  }

  /** Fails when a test has asked for it. */
  void admitDeregistration(long address, String arguments) {
    if (keptRegistered.contains(address)) {
      throw new NativeCallException("ibv_dereg_mr", arguments, Errno.EBUSY.number());
    }
  }

  /** Fails if the device is gone, or when a test has asked for it. */
  void admit(String verb, String arguments) {
    if (removed) {
      throw new NativeCallException(verb, arguments, Errno.EIO.number());
    }
    Refusal refusal = refusals.get(verb);
    if (refusal != null) {
      if (refusal.nth > 1) {
        refusals.put(verb, new Refusal(refusal.nth - 1, refusal.errno));
        return;
      }
      refusals.remove(verb);
      throw new NativeCallException(verb, arguments, refusal.errno);
    }
  }

  @Override
  public String toString() {
    return process + "/" + name;
  }
}
