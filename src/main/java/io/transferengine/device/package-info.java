// SPDX-License-Identifier: Apache-2.0
/**
 * Memory of devices (GPUs), which no processor may touch, and copies between it and host memory.
 *
 * <p>There are two layers. {@link io.transferengine.device.DeviceLibrary} is the seam: one method
 * for each call of the driver that we use. {@link io.transferengine.device.CudaLibrary} calls
 * libcuda; tests replace it by a simulator, whose memory ends the process when it is touched. Above
 * it are {@link io.transferengine.device.Devices}, a {@link io.transferengine.device.Device}, which
 * holds a device's context, and copies in both directions ({@code CopyLane}).
 *
 * <p>Nothing of the driver is loaded before somebody names a device's memory. A machine without a
 * driver is a normal state with one reason.
 */
package io.transferengine.device;
