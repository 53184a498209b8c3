module;
#include <array>
#include <cstddef>
#include <string>
module repal.figure;

namespace repal {

const std::string& colour_of(std::size_t number) {
    static const std::array<std::string, 12> colours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                        "#e69f00", "#56b4e9", "#332288", "#999933",
                                                        "#882255", "#44aa99", "#222222", "#8a8a8a"};
    return colours[number % colours.size()];
}

}  // namespace repal
