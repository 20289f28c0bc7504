# find_package(Breakeven) defines the target Breakeven::breakeven: the session, for C++20 programs (examples/cpp).
include(${CMAKE_CURRENT_LIST_DIR}/BreakevenTargets.cmake)
