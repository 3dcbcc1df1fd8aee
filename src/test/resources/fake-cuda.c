// SPDX-License-Identifier: Apache-2.0
// Takes the place of NVIDIA's driver where CudaLibraryTest calls it: one device, whose memory is that
// of the host. Copies are made at once. It refuses what a call of ours must not have: arguments in
// another order or of another size would not pass.
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cuda/driver.h>

enum { ALLOCATIONS = 64, NO_HANDLE = 400 };
static struct { char *base; size_t length; } allocations[ALLOCATIONS];
static int context, module, function, depth;

static int find(CUdeviceptr address) {
	for (int i = 0; i < ALLOCATIONS; i++)
		if (allocations[i].base && (char *) address >= allocations[i].base
		    && (char *) address < allocations[i].base + allocations[i].length)
			return i;
	return -1;
}

CUresult cuInit(unsigned int flags) {
	if (getenv("FAKE_CUDA_NO_INIT")) return CUDA_ERROR_UNKNOWN;
	return flags ? CUDA_ERROR_INVALID_VALUE : 0;
}
CUresult cuDriverGetVersion(int *version) { *version = 13000; return 0; }
CUresult cuGetErrorName(CUresult error, const char **text) {
	if (error != CUDA_ERROR_OUT_OF_MEMORY) return CUDA_ERROR_INVALID_VALUE;
	*text = "CUDA_ERROR_OUT_OF_MEMORY";
	return 0;
}
CUresult cuGetErrorString(CUresult error, const char **text) {
	*text = error == CUDA_ERROR_OUT_OF_MEMORY ? "out of memory" : NULL;
	return 0;
}
CUresult cuDeviceGetCount(int *count) { *count = getenv("FAKE_CUDA_EMPTY") ? 0 : 1; return 0; }
CUresult cuDeviceGet(CUdevice *device, int ordinal) {
	*device = 77;
	return ordinal ? CUDA_ERROR_INVALID_DEVICE : 0;
}
CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
	if (device != 77 || length < 10) return CUDA_ERROR_INVALID_VALUE;
	strcpy(name, "Fake GPU");
	return 0;
}
CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
	if (device != 77) return CUDA_ERROR_INVALID_VALUE;
	switch (attribute) {
	case CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID: *value = 0x10; return 0;
	case CU_DEVICE_ATTRIBUTE_PCI_BUS_ID: *value = 0x3b; return 0;
	case CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID: *value = 0x1f; return 0;
	case CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_WRITES_ORDERING: *value = 0; return 0;
	case CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_FLUSH_WRITES_OPTIONS:
	case CU_DEVICE_ATTRIBUTE_DMA_BUF_SUPPORTED:
	case CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM: *value = 1; return 0;
	default: return CUDA_ERROR_INVALID_VALUE;
	}
}
CUresult cuDevicePrimaryCtxRetain(CUcontext *out, CUdevice device) {
	*out = (CUcontext) &context;
	return device == 77 ? 0 : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) { return device == 77 ? 0 : NO_HANDLE; }
CUresult cuCtxPushCurrent_v2(CUcontext pushed) {
	__atomic_add_fetch(&depth, 1, __ATOMIC_RELAXED);
	return pushed == (CUcontext) &context ? 0 : NO_HANDLE;
}
CUresult cuCtxPopCurrent_v2(CUcontext *popped) {
	*popped = (CUcontext) &context;
	return __atomic_sub_fetch(&depth, 1, __ATOMIC_RELAXED) >= 0 ? 0 : CUDA_ERROR_INVALID_CONTEXT;
}
CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t length) {
	if (length > ((size_t) 1 << 40)) return CUDA_ERROR_OUT_OF_MEMORY;
	for (int i = 0; i < ALLOCATIONS; i++)
		if (!allocations[i].base) {
			allocations[i].base = aligned_alloc(256, (length + 255) / 256 * 256);
			allocations[i].length = length;
			*address = (CUdeviceptr) allocations[i].base;
			return 0;
		}
	return CUDA_ERROR_OUT_OF_MEMORY;
}
CUresult cuMemFree_v2(CUdeviceptr address) {
	int i = find(address);
	if (i < 0 || (CUdeviceptr) allocations[i].base != address) return CUDA_ERROR_INVALID_VALUE;
	free(allocations[i].base);
	allocations[i].base = NULL;
	return 0;
}
CUresult cuMemHostRegister_v2(void *address, size_t length, unsigned int flags) {
	return address && length && flags == CU_MEMHOSTREGISTER_PORTABLE ? 0 : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuMemHostUnregister(void *address) { return address ? 0 : CUDA_ERROR_INVALID_VALUE; }
CUresult cuPointerGetAttribute(void *value, CUpointer_attribute attribute, CUdeviceptr address) {
	int i = find(address);
	if (i < 0) return CUDA_ERROR_INVALID_VALUE;
	switch (attribute) {
	case CU_POINTER_ATTRIBUTE_MEMORY_TYPE: *(unsigned int *) value = CU_MEMORYTYPE_DEVICE; return 0;
	case CU_POINTER_ATTRIBUTE_CONTEXT: *(CUcontext *) value = (CUcontext) &context; return 0;
	case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL: *(int *) value = 0; return 0;
	case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE: *(int *) value = 1; return 0;
	case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR: *(CUdeviceptr *) value = (CUdeviceptr) allocations[i].base; return 0;
	case CU_POINTER_ATTRIBUTE_RANGE_SIZE: *(size_t *) value = allocations[i].length; return 0;
	default: return CUDA_ERROR_NOT_SUPPORTED;
	}
}
CUresult cuPointerSetAttribute(const void *value, CUpointer_attribute attribute, CUdeviceptr address) {
	return find(address) >= 0 && attribute == CU_POINTER_ATTRIBUTE_SYNC_MEMOPS && *(const int *) value == 1
		? 0 : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuMemGetHandleForAddressRange(void *handle, CUdeviceptr address, size_t length,
	CUmemRangeHandleType type, unsigned long long flags) {
	size_t mask = sysconf(_SC_PAGESIZE) - 1;
	if (((address | length) & mask) || find(address + mask) < 0 || !length || flags || !depth
	    || type != CU_MEM_RANGE_HANDLE_TYPE_DMA_BUF_FD)
		return CUDA_ERROR_INVALID_VALUE;
	*(int *) handle = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return 0;
}
CUresult cuFlushGPUDirectRDMAWrites(CUflushGPUDirectRDMAWritesTarget target,
	CUflushGPUDirectRDMAWritesScope scope) {
	return depth && target == CU_FLUSH_GPU_DIRECT_RDMA_WRITES_TARGET_CURRENT_CTX
		&& scope == CU_FLUSH_GPU_DIRECT_RDMA_WRITES_TO_OWNER ? 0 : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuMemGetAddressRange_v2(CUdeviceptr *base, size_t *length, CUdeviceptr address) {
	int i = find(address);
	if (i < 0) return CUDA_ERROR_INVALID_VALUE;
	*base = (CUdeviceptr) allocations[i].base;
	*length = allocations[i].length;
	return 0;
}
// All 64 bytes count: the address, and seven words that follow from it.
CUresult cuIpcGetMemHandle(struct CUipcMemHandle_st *handle, CUdeviceptr address) {
	uint64_t words[8];
	for (int i = 0; i < 8; i++) words[i] = address + i * 0x0101010101010101u;
	memcpy(handle, words, sizeof words);
	return find(address) < 0 ? CUDA_ERROR_INVALID_VALUE : 0;
}
CUresult cuIpcOpenMemHandle_v2(CUdeviceptr *address, struct CUipcMemHandle_st handle,
	unsigned int flags) {
	uint64_t words[8];
	memcpy(words, &handle, sizeof words);
	for (int i = 1; i < 8; i++)
		if (words[i] != words[0] + i * 0x0101010101010101u) return CUDA_ERROR_INVALID_VALUE;
	*address = words[0];
	return flags == CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS && find(words[0]) >= 0
		? 0 : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuIpcCloseMemHandle(CUdeviceptr address) {
	return find(address) < 0 ? CUDA_ERROR_INVALID_VALUE : 0;
}
CUresult cuStreamCreate(CUstream *stream, unsigned int flags) {
	*stream = malloc(1);
	return flags == CU_STREAM_NON_BLOCKING ? 0 : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuStreamDestroy_v2(CUstream stream) { free(stream); return 0; }
CUresult cuStreamSynchronize(CUstream stream) { return stream ? 0 : NO_HANDLE; }
CUresult cuEventCreate(CUevent *event, unsigned int flags) {
	*event = malloc(1);
	return flags == (CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING) ? 0 : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuEventDestroy_v2(CUevent event) { free(event); return 0; }
CUresult cuEventRecord(CUevent event, CUstream stream) { return event && stream ? 0 : NO_HANDLE; }
CUresult cuEventSynchronize(CUevent event) { return event ? 0 : NO_HANDLE; }
CUresult cuEventQuery(CUevent event) { return event ? 0 : NO_HANDLE; }
CUresult cuStreamWaitValue32_v2(CUstream stream, CUdeviceptr address, unsigned int value, unsigned int flags) {
	return stream && address % 4 == 0 && value && !flags ? 0 : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuMemsetD8Async(CUdeviceptr address, unsigned char value, size_t length, CUstream stream) {
	if (find(address) < 0 || !stream) return CUDA_ERROR_INVALID_VALUE;
	memset((void *) address, value, length);
	return 0;
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr target, const void *source, size_t length, CUstream stream) {
	if (find(target) < 0 || find((CUdeviceptr) source) >= 0 || !stream) return CUDA_ERROR_INVALID_VALUE;
	memcpy((void *) target, source, length);
	return 0;
}
CUresult cuMemcpyDtoHAsync_v2(void *target, CUdeviceptr source, size_t length, CUstream stream) {
	if (find(source) < 0 || find((CUdeviceptr) target) >= 0 || !stream) return CUDA_ERROR_INVALID_VALUE;
	memcpy(target, (void *) source, length);
	return 0;
}
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr target, CUdeviceptr source, size_t length, CUstream stream) {
	if (find(target) < 0 || find(source) < 0 || !stream) return CUDA_ERROR_INVALID_VALUE;
	memcpy((void *) target, (void *) source, length);
	return 0;
}
CUresult cuMemcpyBatchAsync_v2(CUdeviceptr *targets, CUdeviceptr *sources, size_t *lengths, size_t count,
	struct CUmemcpyAttributes_st *attributes, size_t *indexes, size_t attributeCount, CUstream stream) {
	if (attributeCount != 1 || indexes[0] || !stream || attributes->flags
	    || attributes->srcAccessOrder != CU_MEMCPY_SRC_ACCESS_ORDER_STREAM)
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < count; i++) memcpy((void *) targets[i], (void *) sources[i], lengths[i]);
	return 0;
}
CUresult cuModuleLoadData(CUmodule *out, const void *image) {
	if (getenv("FAKE_CUDA_NO_KERNEL")) return CUDA_ERROR_JIT_COMPILER_NOT_FOUND;
	*out = (CUmodule) &module;
	return strstr(image, ".visible .entry te_copy_ranges(") ? 0 : CUDA_ERROR_INVALID_PTX;
}
CUresult cuModuleUnload(CUmodule unloaded) { return unloaded == (CUmodule) &module ? 0 : NO_HANDLE; }
CUresult cuModuleGetFunction(CUfunction *out, CUmodule of, const char *name) {
	*out = (CUfunction) &function;
	return of == (CUmodule) &module && !strcmp(name, "te_copy_ranges") ? 0 : CUDA_ERROR_NOT_FOUND;
}
CUresult cuLaunchKernel(CUfunction launched, unsigned int gridX, unsigned int gridY, unsigned int gridZ,
	unsigned int blockX, unsigned int blockY, unsigned int blockZ, unsigned int sharedBytes,
	CUstream stream, void **parameters, void **extra) {
	if (launched != (CUfunction) &function || gridY != 1 || gridZ != 1 || blockX != 256 || blockY != 1
	    || blockZ != 1 || sharedBytes || !stream || extra)
		return CUDA_ERROR_INVALID_VALUE;
	uint64_t *table = *(uint64_t **) parameters[0];
	for (unsigned int i = 0; i < gridX; i++)
		memcpy((void *) table[gridX + i], (void *) table[i], table[2 * gridX + i]);
	return 0;
}
