// Results that are one file, under a name that was given: figures, a page. They are written over nothing but results of
// their kind. (Of pictures tools/output_names.h knows.)
#pragma once

#include <filesystem>

namespace dae {

enum class ResultKind { figures, page };  // JSON, HTML

// Before the work, of the file that `option` ("--json") names. Throws UsageError when there is no folder for it, and
// Error, saying what to do, when it may not be written or something else than an earlier result lies there.
void check_result(const char* option, const std::filesystem::path& path, ResultKind kind);

}  // namespace dae
