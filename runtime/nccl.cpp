#include "runtime/nccl.h"

#include "runtime/shared_library.h"

namespace dae::nccl {

const Library& library() {
  static const Library the = [] {
    const SharedLibrary so("libnccl.so.2", "NCCL 2", "train on several GPUs");
    Library l;
    so.load(l.get_unique_id, "ncclGetUniqueId");
    so.load(l.init_rank, "ncclCommInitRank");
    so.load(l.destroy, "ncclCommDestroy");
    so.load(l.abort, "ncclCommAbort");
    so.load(l.async_error, "ncclCommGetAsyncError");
    so.load(l.group_start, "ncclGroupStart");
    so.load(l.group_end, "ncclGroupEnd");
    so.load(l.send, "ncclSend");
    so.load(l.receive, "ncclRecv");
    so.load(l.error_string, "ncclGetErrorString");
    so.load(l.last_error, "ncclGetLastError");
    return l;
  }();
  return the;
}

}  // namespace dae::nccl
