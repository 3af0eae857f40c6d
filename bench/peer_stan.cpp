// peer_stan.cpp - the scalar workloads with Stan Math: nodes in an arena, one virtual call each.
#include <stan/math/rev/core.hpp>
#include <stan/math/rev/scal.hpp>

#include "peer_scalar.hpp"

struct Stan {
    using Number = stan::math::var;
    static void begin() {}
    static Number input(double x) { return x; }
    static double number(const Number &x) { return x.val(); }
    static Number power(const Number &x, int n) { return pow(x, static_cast<double>(n)); }
    static Number relu(const Number &x) { return x.val() > 0 ? x : Number(0.0); }
    static void backward(Number &root) { stan::math::grad(root.vi_); }
    static double gradient(const Number &x, int) { return x.adj(); }
    static void end() { stan::math::recover_memory(); }
};

int main(int argc, char **argv)
{
    return Workloads<Stan>::serve(argc, argv);
}
