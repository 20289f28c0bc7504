// Remarks: what must be known to trust a table made of cells: versions side by side, variants that a machine lacks,
// cells that other programs disturbed.
#pragma once

#include <string>
#include <vector>

#include "breakeven/study/assemble.h"

namespace breakeven {

/// How the folders are told apart in the table: their names, and the end of each one's rows.
struct FolderRows {
    const std::vector<std::string>& names;
    const std::vector<std::size_t>& row_ends;
};

std::vector<std::string> remarks(const std::vector<StudyFolder>& folders, const FolderRows& rows,
                                 const Results& results);

}  // namespace breakeven
