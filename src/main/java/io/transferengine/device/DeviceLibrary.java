// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import java.lang.foreign.MemorySegment;
import java.util.OptionalLong;

/**
 * The seam to a driver: one method for each call that is used. Handles and addresses are numbers.
 *
 * <p>A call that fails throws {@link DeviceException}. Calls that a context is needed for use the
 * one that {@link #pushContext} has made the calling thread's. Copies and launches only begin: they
 * are over when an event that was recorded behind them, or the stream, was waited for; an error of
 * theirs may be thrown there.
 *
 * <p>As thread-safe as the driver: all calls may run at the same time, except with one that
 * destroys what they use.
 */
public interface DeviceLibrary {
  /** {@return the newest CUDA that the driver knows: 1000 times the major number, 10 the minor} */
  int version();

  /** {@return how many devices this process sees; 0 for none} */
  int count();

  /**
   * {@return the driver's handle of a device}
   *
   * @param ordinal from 0, below {@link #count}
   */
  int device(int ordinal);

  /** {@return what the device is called} */
  String name(int device);

  /**
   * {@return a number that the driver has for a device}
   *
   * @param attribute {@code CU_DEVICE_ATTRIBUTE_...}
   */
  int attribute(int attribute, int device);

  /** {@return the context that all of this process shares on a device, held once more} */
  long retainContext(int device);

  /** Lets go of the shared context once. */
  void releaseContext(int device);

  /** Makes a context the calling thread's, above the one that it has. */
  void pushContext(long context);

  /** Gives the calling thread the context back that it had before {@link #pushContext}. */
  void popContext();

  /** {@return the address of new memory on the device of the context} */
  long allocate(long bytes);

  /** Begins to set all bytes of a range of the device to one value. */
  void fill(long address, byte value, long bytes, long stream);

  /** Frees what {@link #allocate} gave. */
  void free(long address);

  /** Pins mapped memory of the host, for all contexts: devices reach it by its own address. */
  void pin(long address, long bytes);

  /** Ends {@link #pin}; nothing may be under way there. */
  void unpin(long address);

  /**
   * {@return what the driver knows of an address; empty for memory that it does not know, such as
   * plain host memory, or device memory that was freed} Needs no context.
   *
   * @param attribute {@code CU_POINTER_ATTRIBUTE_...}
   */
  OptionalLong pointerAttribute(int attribute, long address);

  /**
   * From now on, calls that copy to or from an allocation and that are synchronous by their
   * description are so in fact. Who does not go through the driver, such as a network card, sees
   * what they have done.
   */
  void synchronizeCopies(long address);

  /** {@return whether {@link #exportDmaBuf} is there} */
  boolean hasDmaBufs();

  /**
   * {@return the descriptor of a dma-buf, a file of the kernel that stands for a range of device
   * memory} To be closed with {@link #closeDmaBuf}.
   *
   * @param address a multiple of a page of the host, as {@code bytes}
   */
  int exportDmaBuf(long address, long bytes);

  /** Closes a descriptor. Who has registered the dma-buf keeps what it needs. */
  void closeDmaBuf(int descriptor);

  /** {@return whether {@link #flushWrites} is there} */
  boolean hasFlush();

  /**
   * Waits until the device of the context sees what network cards have written to its memory so
   * far.
   */
  void flushWrites();

  /** {@return a number that no other process has, for as long as both run} */
  long process();

  /**
   * An allocation of memory.
   *
   * @param base where it begins
   * @param length in bytes
   */
  record Allocation(long base, long length) {}

  /** {@return the allocation of this process that an address lies in} */
  Allocation allocation(long address);

  /**
   * Makes a handle by which other processes of this machine open an allocation.
   *
   * @param base where the allocation begins
   * @param handle 64 bytes, which are written
   */
  void exportMemory(long base, MemorySegment handle);

  /**
   * {@return where an allocation of another process begins in this one, from now on} The device of
   * the context reaches it there, if need be through its link to the device that has it.
   *
   * @param handle 64 bytes
   */
  long openMemory(MemorySegment handle);

  /** Ends {@link #openMemory}; nothing may be under way there. */
  void closeMemory(long address);

  /** {@return a new stream, which waits for no other} */
  long createStream();

  /** Destroys a stream; what is under way there ends first. */
  void destroyStream(long stream);

  /** Waits until all that was begun on a stream is over. */
  void awaitStream(long stream);

  /** {@return a new event; who waits for it sleeps} */
  long createEvent();

  /** Destroys an event. */
  void destroyEvent(long event);

  /** From now on the event stands for all that was begun on the stream so far. */
  void record(long event, long stream);

  /**
   * {@return whether what the event stands for is over}
   *
   * @param event may be another's than this library's, and none at all: then it is an error
   */
  boolean hasHappened(long event);

  /** Throws if a handle cannot be that of a stream, which somebody else may have made. */
  void requireStream(long stream);

  /**
   * Has a stream stand still, behind all that was begun there, until a word of pinned host memory
   * less {@code value} is 0 or more, as 32 bits.
   */
  void hold(long stream, long word, int value);

  /** Waits until what the event stands for is over. */
  void awaitEvent(long event);

  /** Begins a copy from pinned host memory to the device. */
  void copyIn(long device, long host, long bytes, long stream);

  /** Begins a copy from the device to pinned host memory. */
  void copyOut(long host, long device, long bytes, long stream);

  /** Begins a copy between memory that the device reaches. */
  void copyWithin(long target, long source, long bytes, long stream);

  /** {@return whether {@link #copyAll} is there} */
  boolean hasBatches();

  /**
   * Begins many copies by one call.
   *
   * @param sources addresses, 8 bytes each, as the two others; the call has read all three when it
   *     returns
   */
  void copyAll(
      MemorySegment targets, MemorySegment sources, MemorySegment lengths, int count, long stream);

  /**
   * {@return a module, made of PTX}
   *
   * @param text ends with a zero
   */
  long loadModule(MemorySegment text);

  /** Unloads a module. */
  void unloadModule(long module);

  /** {@return a kernel of a module} */
  long function(long module, String name);

  /**
   * Begins a kernel that takes one address.
   *
   * @param blocks how many blocks of threads
   * @param threads how many threads a block has
   */
  void launch(long function, int blocks, int threads, long argument, long stream);
}
