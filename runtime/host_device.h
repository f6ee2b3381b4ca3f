// Marks an inline function that kernels and the host both run. It means nothing to a C++ compiler.
#pragma once

#ifdef __CUDACC__
#define DAE_HOST_DEVICE __host__ __device__
#else
#define DAE_HOST_DEVICE
#endif
