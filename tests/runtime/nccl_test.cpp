// What this project declares of NCCL, against NVIDIA's header and library where they are.
#include "runtime/nccl.h"

#include <gtest/gtest.h>

#include "runtime/error.h"

#if defined(DAE_HAS_CUDA) && __has_include(<nccl.h>)
#include <nccl.h>

#include <type_traits>

namespace dae::test {
namespace {

// A function is called as declared here when its arguments are passed alike: numbers of one size, pointers, and
// an id of as many bytes.
template <class Ours, class Theirs>
struct PassedAlike : std::bool_constant<sizeof(Ours) == sizeof(Theirs) &&
                                        std::is_pointer_v<Ours> == std::is_pointer_v<Theirs> &&
                                        std::is_class_v<Ours> == std::is_class_v<Theirs>> {};
template <class Ours, class Theirs>
struct CalledAlike : std::false_type {};
template <class R, class... A, class S, class... B>
requires(sizeof...(A) == sizeof...(B)) struct CalledAlike<R (*)(A...), S(B...)>
    : std::bool_constant<PassedAlike<R, S>::value && (PassedAlike<A, B>::value && ...)> {
};

using Ours = nccl::Library;
static_assert(CalledAlike<decltype(Ours::get_unique_id), decltype(::ncclGetUniqueId)>::value);
static_assert(CalledAlike<decltype(Ours::init_rank), decltype(::ncclCommInitRank)>::value);
static_assert(CalledAlike<decltype(Ours::destroy), decltype(::ncclCommDestroy)>::value);
static_assert(CalledAlike<decltype(Ours::abort), decltype(::ncclCommAbort)>::value);
static_assert(CalledAlike<decltype(Ours::async_error), decltype(::ncclCommGetAsyncError)>::value);
static_assert(CalledAlike<decltype(Ours::group_start), decltype(::ncclGroupStart)>::value);
static_assert(CalledAlike<decltype(Ours::group_end), decltype(::ncclGroupEnd)>::value);
static_assert(CalledAlike<decltype(Ours::send), decltype(::ncclSend)>::value);
static_assert(CalledAlike<decltype(Ours::receive), decltype(::ncclRecv)>::value);
static_assert(CalledAlike<decltype(Ours::error_string), decltype(::ncclGetErrorString)>::value);
static_assert(CalledAlike<decltype(Ours::last_error), decltype(::ncclGetLastError)>::value);
static_assert(nccl::kSuccess == ncclSuccess && nccl::kInProgress == ncclInProgress &&
              nccl::kBytes == ncclUint8);

}  // namespace
}  // namespace dae::test
#endif

namespace dae::test {
namespace {

TEST(Nccl, TheLibraryHasAllThatIsCalled) {
  try {
    const nccl::Library& library = nccl::library();
    EXPECT_STREQ(library.error_string(nccl::kSuccess), "no error");
  } catch (const Error& error) {
    const std::string why = error.what();
    ASSERT_NE(why.find("cannot be opened"), std::string::npos) << why;
    GTEST_SKIP() << why;
  }
}

}  // namespace
}  // namespace dae::test
