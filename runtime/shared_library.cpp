#include "runtime/shared_library.h"

#include <dlfcn.h>
#include <glob.h>

#include <cstdlib>
#include <vector>

#include "runtime/error.h"

namespace dae {
namespace {

// Files that match a pattern of the shell's, sorted.
std::vector<std::string> matches(const std::string& pattern) {
  glob_t found;
  std::vector<std::string> paths;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    for (size_t i = 0; i < found.gl_pathc; i++) paths.emplace_back(found.gl_pathv[i]);
  globfree(&found);
  return paths;
}

std::vector<std::string> usual_places(const std::string& soname) {
  std::vector<std::string> patterns = {"/usr/local/cuda/lib64/" + soname,
                                       "/usr/local/cuda/lib/" + soname};
  std::vector<std::string> prefixes;
  for (const char* name : {"VIRTUAL_ENV", "CONDA_PREFIX"})
    if (const char* prefix = std::getenv(name)) prefixes.emplace_back(prefix);
  if (const char* home = std::getenv("HOME")) prefixes.push_back(std::string(home) + "/.local");
  prefixes.insert(prefixes.end(), {"/usr/local", "/usr"});
  for (const std::string& prefix : prefixes)
    patterns.push_back(prefix + "/lib/python3*/*-packages/nvidia/*/lib/" + soname);
  return patterns;
}

}  // namespace

SharedLibrary::SharedLibrary(const std::string& soname, const std::string& product,
                             const std::string& purpose)
    : soname_(soname), handle_(dlopen(soname.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (handle_) return;
  const std::string reason = dlerror();
  for (const std::string& pattern : usual_places(soname))
    for (const std::string& path : matches(pattern))
      if ((handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL))) return;
  fail(
      "{} is needed to {} and cannot be opened ({}): install it, or name its folder in "
      "LD_LIBRARY_PATH",
      product, purpose, reason);
}

void* SharedLibrary::find(const char* name) const {
  void* const function = dlsym(handle_, name);
  if (!function) fail("{} has no {}: another version than this program needs?", soname_, name);
  return function;
}

}  // namespace dae
