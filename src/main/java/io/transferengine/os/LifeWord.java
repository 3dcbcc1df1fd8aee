// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * A word of this process that the kernel itself changes when the process ends, however it ends.
 * Others map it to read it ({@link LifeWatch}), and so see without a call that the process lives.
 *
 * <p>The word is the futex of the one entry in a thread's robust list (set_robust_list(2)), and has
 * the thread's number. While a thread ends, the kernel marks what is in its list. It does so before
 * the memory of the process goes, and before anybody is told of the end: before its parent is, and
 * before a pidfd can be read.
 *
 * <p>The list is ours, and not that of a mutex of the C library, which would follow its links when
 * it unlocks one. It lies in a memfd that was sealed after we had mapped it: nobody else can write
 * to the links, or to the word, or cut it short. Its one page is locked. So the kernel, when it
 * goes through the list of a process that is killed for want of memory, needs none; and it takes no
 * shared memory from such a process before.
 */
@SuppressWarnings("restricted") // maps and unmaps only what it has mapped itself
public final class LifeWord {
  // linux/futex.h: struct robust_list_head {next; futex_offset; list_op_pending;}
  private static final long HEAD_BYTES = 24;
  private static final long HEAD_OFFSET_AT = 8;

  /** The entry is a link back to the head, and the word behind it. */
  private static final long ENTRY_AT = HEAD_BYTES;

  static final long WORD_AT = ENTRY_AT + Long.BYTES;

  /** In a word: the number of the thread; other bits come when it has ended. */
  static final int FUTEX_TID_MASK = 0x3fff_ffff;

  private static final VarHandle WORD = JAVA_INT.varHandle();

  private static final MethodHandle SYSCALL =
      CapturedErrno.function(
          "syscall",
          FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
          Linker.Option.firstVariadicArg(1));

  private final Arena arena = Arena.ofShared();
  private final MemorySegment memory;
  private final int fd;

  private LifeWord(int fd, long address, long bytes) {
    this.fd = fd;
    this.memory = MemorySegment.ofAddress(address).reinterpret(bytes, arena, null);
    memory.set(JAVA_LONG, 0, address + ENTRY_AT);
    memory.set(JAVA_LONG, HEAD_OFFSET_AT, WORD_AT - ENTRY_AT);
    memory.set(JAVA_LONG, ENTRY_AT, address);
  }

  /** {@return how many bytes the memfd of one has} */
  public static long bytes() {
    return MemoryMaps.pageBytes();
  }

  /**
   * {@return one that nobody holds yet; in the end {@link #release} or {@link #discard} is called}
   *
   * @param name the memfd's
   * @throws NativeCallException if the kernel does not give it: it does not know the seal (before
   *     Linux 5.1), or memory may not be locked (RLIMIT_MEMLOCK)
   */
  public static LifeWord of(String name) {
    long bytes = bytes();
    int fd = Memfd.of(name, bytes, false, false);
    try {
      // In this order: once it is sealed, it cannot be mapped for writing.
      long address =
          MemoryMaps.map(0, bytes, MemoryMaps.PROT_READ_WRITE, MemoryMaps.MAP_SHARED, fd);
      try {
        MemoryMaps.keepFromChildren(address, bytes);
        Memfd.sealForReaders(fd);
        MemoryMaps.lock(address, bytes);
        return new LifeWord(fd, address, bytes);
      } catch (Throwable t) {
        MemoryMaps.unmap(address, bytes);
        throw t;
      }
    } catch (Throwable t) {
      FfmSystemCalls.SHARED.close(fd);
      throw t;
    }
  }

  /**
   * Has the kernel change the word when the calling thread ends. That is a platform thread that
   * does nothing else until {@link #release}.
   *
   * @throws NativeCallException if the kernel does not do that; then {@link #discard} is to be
   *     called
   */
  public void hold() {
    WORD.setVolatile(memory, WORD_AT, (int) call(SystemCallNumbers.GETTID, 0, 0));
    // Of its C library's list the thread uses nothing: it has no mutexes of that kind.
    long _ = call(SystemCallNumbers.SET_ROBUST_LIST, memory.address(), HEAD_BYTES);
  }

  /**
   * Ends that, and gives the memory back. By the thread that holds it. Others ask the kernel from
   * then on.
   */
  public void release() {
    WORD.setVolatile(memory, WORD_AT, 0);
    // If that fails, the memory stays: the kernel would follow whatever is there afterwards.
    long _ = call(SystemCallNumbers.SET_ROBUST_LIST, 0, HEAD_BYTES);
    discard();
  }

  private static long call(long number, long first, long second) {
    long result;
    try {
      result = (long) SYSCALL.invokeExact(CapturedErrno.state(), number, first, second);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    if (result < 0) {
      throw new NativeCallException("syscall", "number=" + number, CapturedErrno.get());
    }
    return result;
  }

  /** Gives the memory back; for one that no thread holds. */
  public void discard() {
    try {
      arena.close();
    } finally {
      try {
        MemoryMaps.unmap(memory.address(), memory.byteSize());
      } finally {
        FfmSystemCalls.SHARED.close(fd);
      }
    }
  }

  /** {@return where it is, in this process} */
  public long address() {
    return memory.address();
  }

  /** {@return the memfd's descriptor, open until the end} */
  public int descriptor() {
    return fd;
  }
}
