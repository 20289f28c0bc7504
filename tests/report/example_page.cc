// Writes the page of the example advice to the path given, for the browser that tests/contract/report_page.py starts.
#include <fstream>
#include <iostream>

#include "breakeven/report/page.h"
#include "report/example_advice.h"

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: example_page FILE.html\n";
        return 2;
    }
    std::ofstream file(argv[1], std::ios::binary);
    file << breakeven::advice_page(breakeven::example::advice_with_variants());
    return file.flush() ? 0 : 1;
}
