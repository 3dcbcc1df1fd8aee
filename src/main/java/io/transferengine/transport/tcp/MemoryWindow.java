// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.netty.buffer.AbstractReferenceCountedByteBuf;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.GatheringByteChannel;
import java.nio.channels.ScatteringByteChannel;
import org.jspecify.annotations.Nullable;

/**
 * A Netty buffer that looks at a range of native memory by address: the way in which bytes go from
 * registered memory to a socket, and from a socket into registered memory, without being copied.
 *
 * <p>Netty's own wrappers either need {@code Unsafe} for an address or allocate an object per
 * range. A window is used again and again: {@link #aim} points it somewhere, Netty reads or writes
 * through {@link #memoryAddress()}, and when the last reference is released the window tells its
 * owner and goes back to the {@link Pool} of its event loop. A window spans less than 2 GiB; larger
 * ranges take several.
 *
 * <p>Confined to one event loop. It does not keep the memory alive: its owner holds a use of the
 * region until {@link Owner#windowReleased} is called.
 */
// restricted: the window addresses memory that the engine has checked to be registered.
@SuppressWarnings("restricted")
final class MemoryWindow extends AbstractReferenceCountedByteBuf {

  /** Who is told that a window is no longer looked through. */
  interface Owner {
    /**
     * The last reference is gone; the window's indices still tell how far it was read.
     *
     * @param window the window, about to be used for something else
     */
    void windowReleased(MemoryWindow window);
  }

  /** What it goes back to; of its event loop. */
  interface Pool {
    /** Nobody looks through it any more. */
    void giveBack(MemoryWindow window);
  }

  /** All of native memory; every access is checked against the window's capacity before. */
  private static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  // Constants, because withOrder makes a layout whose access handle has to be looked up again.
  private static final ValueLayout.OfLong LONG_LE =
      JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT_LE =
      JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT_LE =
      JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** No system has smaller ones. */
  private static final int PAGE_BYTES = 4096;

  private final Pool pool;
  private long address;
  private int capacity;
  private @Nullable Owner owner;
  private @Nullable Object attachment;
  private long streamEnd;
  private boolean shared;
  private @Nullable MemoryWindow next;

  MemoryWindow(Pool pool) {
    super(Integer.MAX_VALUE);
    this.pool = pool;
    setRefCnt(0);
  }

  /**
   * Points the window at {@code length} bytes from {@code address} on, with one reference.
   *
   * @param readable the bytes that count as readable: 0 to read into the window, the length to
   *     write it out
   */
  MemoryWindow aim(long address, int length, int readable, @Nullable Owner owner) {
    this.address = address;
    this.capacity = length;
    this.owner = owner;
    this.attachment = null;
    this.shared = false;
    resetRefCnt();
    setIndex(0, readable);
    return this;
  }

  /** Says who is told, when that was not known as it was aimed. */
  MemoryWindow ownedBy(Owner told) {
    owner = told;
    return this;
  }

  /** Hangs something of the owner's on the window until it is released. */
  MemoryWindow attach(Object attachment) {
    this.attachment = attachment;
    return this;
  }

  @Nullable Object attachment() {
    return attachment;
  }

  /** Notes where in a connection's outbound stream the window's last byte lies. */
  MemoryWindow endsAt(long streamEnd) {
    this.streamEnd = streamEnd;
    return this;
  }

  long streamEnd() {
    return streamEnd;
  }

  /** {@return the window behind this one in a list of its owner's} */
  @Nullable MemoryWindow next() {
    return next;
  }

  /** Makes a list of windows that needs no memory. */
  void linkTo(@Nullable MemoryWindow behind) {
    next = behind;
  }

  /** Has what has not been read yet be read from another place, for which {@code keeper} stands. */
  void redirect(long unreadAddress, Object keeper) {
    address = unreadAddress - readerIndex();
    attachment = keeper;
  }

  /** Ends it sooner; nobody has looked through it yet. */
  MemoryWindow shortenTo(int bytes) {
    capacity = bytes;
    setIndex(0, bytes);
    return this;
  }

  @Override
  public MemoryWindow retain() {
    shared = true;
    var _ = super.retain();
    return this;
  }

  /**
   * {@return whether somebody else has looked through it, too} For a window that is sent this is
   * the kernel, when it has not copied what is there.
   */
  boolean isShared() {
    return shared;
  }

  /** Gives it back without a word to its owner. */
  void forget() {
    owner = null;
    release();
  }

  /** {@return who is told; null when nobody is} */
  @Nullable Owner owner() {
    return owner;
  }

  @Override
  protected void deallocate() {
    Owner told = owner;
    owner = null;
    if (told != null) {
      told.windowReleased(this);
    }
    attachment = null;
    pool.giveBack(this);
  }

  @Override
  public int capacity() {
    return capacity;
  }

  @Override
  public ByteBuf capacity(int newCapacity) {
    throw new UnsupportedOperationException("a window has the size that it was aimed with");
  }

  @Override
  public ByteBufAllocator alloc() {
    return ByteBufAllocator.DEFAULT;
  }

  @Override
  @SuppressWarnings({"deprecation", "InlineMeSuggester"}) // ours to implement, not to offer
  public ByteOrder order() {
    return ByteOrder.BIG_ENDIAN;
  }

  @Override
  public @Nullable ByteBuf unwrap() {
    return null;
  }

  @Override
  public boolean isDirect() {
    return true;
  }

  @Override
  public boolean isContiguous() {
    return true;
  }

  @Override
  public boolean hasArray() {
    return false;
  }

  @Override
  public byte[] array() {
    throw new UnsupportedOperationException("no heap array lies under a window");
  }

  @Override
  public int arrayOffset() {
    throw new UnsupportedOperationException("no heap array lies under a window");
  }

  @Override
  public boolean hasMemoryAddress() {
    return true;
  }

  @Override
  public long memoryAddress() {
    return address;
  }

  @Override
  public int nioBufferCount() {
    return 1;
  }

  @Override
  public ByteBuffer nioBuffer(int index, int length) {
    checkIndex(index, length);
    return MEMORY.asSlice(address + index, length).asByteBuffer();
  }

  @Override
  public ByteBuffer internalNioBuffer(int index, int length) {
    return nioBuffer(index, length);
  }

  @Override
  public ByteBuffer[] nioBuffers(int index, int length) {
    return new ByteBuffer[] {nioBuffer(index, length)};
  }

  @Override
  protected byte _getByte(int index) {
    return MEMORY.get(JAVA_BYTE, address + index);
  }

  @Override
  protected short _getShort(int index) {
    return Short.reverseBytes(_getShortLE(index));
  }

  @Override
  protected short _getShortLE(int index) {
    return MEMORY.get(SHORT_LE, address + index);
  }

  @Override
  protected int _getUnsignedMedium(int index) {
    return ((_getByte(index) & 0xff) << 16)
        | ((_getByte(index + 1) & 0xff) << 8)
        | (_getByte(index + 2) & 0xff);
  }

  @Override
  protected int _getUnsignedMediumLE(int index) {
    return ((_getByte(index + 2) & 0xff) << 16)
        | ((_getByte(index + 1) & 0xff) << 8)
        | (_getByte(index) & 0xff);
  }

  @Override
  protected int _getInt(int index) {
    return Integer.reverseBytes(_getIntLE(index));
  }

  @Override
  protected int _getIntLE(int index) {
    return MEMORY.get(INT_LE, address + index);
  }

  @Override
  protected long _getLong(int index) {
    return Long.reverseBytes(_getLongLE(index));
  }

  @Override
  protected long _getLongLE(int index) {
    return MEMORY.get(LONG_LE, address + index);
  }

  @Override
  protected void _setByte(int index, int value) {
    MEMORY.set(JAVA_BYTE, address + index, (byte) value);
  }

  @Override
  protected void _setShort(int index, int value) {
    _setShortLE(index, Short.reverseBytes((short) value));
  }

  @Override
  protected void _setShortLE(int index, int value) {
    MEMORY.set(SHORT_LE, address + index, (short) value);
  }

  @Override
  protected void _setMedium(int index, int value) {
    _setByte(index, value >>> 16);
    _setByte(index + 1, value >>> 8);
    _setByte(index + 2, value);
  }

  @Override
  protected void _setMediumLE(int index, int value) {
    _setByte(index, value);
    _setByte(index + 1, value >>> 8);
    _setByte(index + 2, value >>> 16);
  }

  @Override
  protected void _setInt(int index, int value) {
    _setIntLE(index, Integer.reverseBytes(value));
  }

  @Override
  protected void _setIntLE(int index, int value) {
    MEMORY.set(INT_LE, address + index, value);
  }

  @Override
  protected void _setLong(int index, long value) {
    _setLongLE(index, Long.reverseBytes(value));
  }

  @Override
  protected void _setLongLE(int index, long value) {
    MEMORY.set(LONG_LE, address + index, value);
  }

  @Override
  public ByteBuf getBytes(int index, ByteBuf target, int targetIndex, int length) {
    target.setBytes(targetIndex, nioBuffer(index, length));
    return this;
  }

  @Override
  public ByteBuf getBytes(int index, byte[] target, int targetIndex, int length) {
    nioBuffer(index, length).get(target, targetIndex, length);
    return this;
  }

  @Override
  public ByteBuf getBytes(int index, ByteBuffer target) {
    target.put(nioBuffer(index, target.remaining()));
    return this;
  }

  @Override
  public ByteBuf getBytes(int index, OutputStream out, int length) throws IOException {
    byte[] bytes = new byte[length];
    getBytes(index, bytes, 0, length);
    out.write(bytes);
    return this;
  }

  @Override
  public int getBytes(int index, GatheringByteChannel out, int length) throws IOException {
    return out.write(nioBuffer(index, length));
  }

  @Override
  public int getBytes(int index, FileChannel out, long position, int length) throws IOException {
    return out.write(nioBuffer(index, length), position);
  }

  @Override
  public ByteBuf setBytes(int index, ByteBuf source, int sourceIndex, int length) {
    source.getBytes(sourceIndex, nioBuffer(index, length));
    return this;
  }

  @Override
  public ByteBuf setBytes(int index, byte[] source, int sourceIndex, int length) {
    nioBuffer(index, length).put(source, sourceIndex, length);
    return this;
  }

  @Override
  public ByteBuf setBytes(int index, ByteBuffer source) {
    nioBuffer(index, source.remaining()).put(source);
    return this;
  }

  @Override
  public int setBytes(int index, InputStream in, int length) throws IOException {
    byte[] bytes = in.readNBytes(length);
    setBytes(index, bytes, 0, bytes.length);
    return bytes.length == 0 && length > 0 ? -1 : bytes.length;
  }

  @Override
  public int setBytes(int index, ScatteringByteChannel in, int length) throws IOException {
    try {
      return in.read(nioBuffer(index, length));
    } catch (ClosedChannelException closed) {
      // What Netty's own buffers answer: its read loop takes -1 as the end of the stream.
      return -1;
    }
  }

  @Override
  public int setBytes(int index, FileChannel in, long position, int length) throws IOException {
    return in.read(nioBuffer(index, length), position);
  }

  @Override
  public ByteBuf copy(int index, int length) {
    return Unpooled.copiedBuffer(nioBuffer(index, length));
  }

  /** Native memory to native memory; the caller has checked both ranges. */
  static void copy(long fromAddress, long toAddress, long lengthBytes) {
    MemorySegment.copy(MEMORY, fromAddress, MEMORY, toAddress, lengthBytes);
  }

  /**
   * Throws now what a copy before this met. Compiled code is told of memory that is gone only when
   * it next asks whether it may go on, which may be several calls later; a call into the JVM asks.
   * Some tens of nanoseconds: once for many copies.
   *
   * @throws InternalError when one of them found its memory gone
   */
  static void tellFaults() {
    boolean _ = Thread.holdsLock(MEMORY);
  }

  /** Touches each page of a range; throws as {@link #tellFaults} does. */
  static void touch(long from, long length) {
    for (long at = from; at < from + length; at += PAGE_BYTES) {
      byte _ = getByte(at);
    }
    byte _ = getByte(from + length - 1);
    tellFaults();
  }

  /** Native memory into an array; the caller has checked the range. */
  static void copy(long fromAddress, byte[] to, int index, int lengthBytes) {
    MemorySegment.copy(MEMORY, JAVA_BYTE, fromAddress, to, index, lengthBytes);
  }

  static void copy(byte[] from, long toAddress) {
    MemorySegment.copy(from, 0, MEMORY, JAVA_BYTE, toAddress, from.length);
  }

  static long getLongLE(long address) {
    return MEMORY.get(LONG_LE, address);
  }

  static void setLongLE(long address, long value) {
    MEMORY.set(LONG_LE, address, value);
  }

  static int getIntLE(long address) {
    return MEMORY.get(INT_LE, address);
  }

  static void setIntLE(long address, int value) {
    MEMORY.set(INT_LE, address, value);
  }

  static byte getByte(long address) {
    return MEMORY.get(JAVA_BYTE, address);
  }
}
