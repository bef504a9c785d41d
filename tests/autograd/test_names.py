"""What tensors print as their grad_fn, against PyTorch."""

from __future__ import annotations

import flambeau
from tests.oracle import torch

EXPRESSIONS = """
x+x
x+1
1+x
x-x
x-1
1-x
x*x
x*2
x/x
x/2
2/x
x%2
x%x
x**2
x**x
2**x
x**0.5
-x
abs(x)
x@x
x@v
v@x
v@v
b@b
b@x
x.mm(x)
b.bmm(b)
x.mv(v)
v.dot(v)
x.matmul(x)
torch.addmm(x,x,x)
torch.baddbmm(b,b,b)
torch.outer(v,v)
torch.add(x,x,alpha=2)
torch.sub(x,x,alpha=2)
torch.addcmul(x,x,x)
torch.addcdiv(x,x,x)
torch.lerp(x,x,0.5)
torch.lerp(x,x,x)
x.exp()
x.log()
x.log2()
x.log10()
x.log1p()
x.expm1()
x.exp2()
x.sqrt()
x.rsqrt()
x.square()
x.sin()
x.cos()
x.tan()
x.asin()
x.acos()
x.atan()
x.sinh()
x.cosh()
x.tanh()
x.asinh()
x.acosh()
x.atanh()
x.sigmoid()
x.relu()
x.erf()
x.erfc()
x.erfinv()
x.lgamma()
x.digamma()
x.abs()
x.neg()
x.sign()
x.floor()
x.ceil()
x.round()
x.trunc()
x.frac()
x.reciprocal()
x.clamp(0,1)
x.clamp(min=0)
x.clamp(max=1)
x.clamp(x,x)
x.logit()
x.nan_to_num()
x.sinc()
x.deg2rad()
x.sgn()
torch.maximum(x,x)
torch.minimum(x,x)
torch.fmax(x,x)
torch.atan2(x,x)
torch.hypot(x,x)
torch.logaddexp(x,x)
torch.fmod(x,2)
torch.remainder(x,2)
torch.where(x>0,x,x)
torch.where(x>0,x,0.)
x.sum()
x.sum(0)
x.sum((0,1))
x.mean()
x.mean(0)
x.prod()
x.prod(0)
x.std()
x.std(0)
x.var()
x.var(0)
torch.std_mean(x)[0]
torch.var_mean(x)[0]
x.max()
x.max(0)[0]
x.min()
x.min(0)[0]
x.amax()
x.amax(0)
x.amin(0)
x.median()
x.median(0)[0]
x.nanmedian()
x.mode(0)[0]
x.kthvalue(1,0)[0]
x.norm()
x.norm(dim=0)
x.norm(p=1)
x.logsumexp(0)
x.cumsum(0)
x.cumprod(0)
x.cummax(0)[0]
x.cummin(0)[0]
x.logcumsumexp(0)
x.nansum()
x.nanmean()
x.softmax(0)
x.log_softmax(0)
x.view(-1)
x.reshape(-1)
x.t().reshape(-1)
x.T
b.mT
x.transpose(0,1)
b.permute(2,0,1)
x.flatten()
x.unsqueeze(0)
x.unsqueeze(0).squeeze(0)
x.unsqueeze(0).squeeze()
x.expand(3,2,2)
x.expand_as(b)
x.repeat(2,2)
x.tile(2)
x.narrow(0,0,1)
x.select(0,0)
x[0]
x[0,1]
x[:1]
x[:,1]
x[...,0]
x[None]
x[torch.tensor([0,1])]
x[x>0]
x.diagonal()
x.diag()
v.diag()
x.unfold(0,1,1)
torch.cat([x,x])
torch.stack([x,x])
torch.hstack([x,x])
torch.vstack([x,x])
x.roll(1)
x.flip(0)
x.rot90()
x.tril()
x.triu()
x.trace()
x.gather(0,i)
x.scatter(0,i,x)
x.scatter(0,i,1.)
x.scatter_add(0,i,x)
x.index_select(0,i[0])
x.index_add(0,i[0],x)
x.index_copy(0,i[0],x)
x.index_fill(0,i[0],1.)
x.masked_fill(x>0,1.)
x.masked_scatter(x>0,x)
x.take(i)
x.sort()[0]
x.topk(1)[0]
x.clone()
x.double()
x.half()
x.to(torch.float64)
x.contiguous()
x.t().contiguous()
x.type(torch.float64)
x.view_as(x)
x.detach().requires_grad_()
torch.matrix_exp(x)
torch.cdist(x,x)
torch.cumsum(x,0)
torch.diff(x)
torch.meshgrid(v,v,indexing='ij')[0]
torch.dist(x,x)
(x*1).mul_(2)
(x*1).div_(2)
(x*1).sub_(2)
(x*1).relu_()
(x*1).zero_()
(x*1).fill_(2.)
(x*1).copy_(x)
(x*1).clamp_(0)
(x*1).exp_()
(x*1).masked_fill_(x>0,1.)
torch.nn.functional.relu(x)
torch.nn.functional.gelu(x)
torch.nn.functional.softmax(x,0)
torch.nn.functional.log_softmax(x,0)
torch.nn.functional.linear(x,x)
torch.nn.functional.linear(x,x,v)
torch.nn.functional.linear(b,x,v)
torch.nn.functional.linear(b,x)
torch.nn.functional.embedding(i,x)
torch.nn.functional.conv2d(im,w2)
torch.nn.functional.conv_transpose2d(im,w2)
torch.nn.functional.max_pool2d(im,2)
torch.nn.functional.avg_pool2d(im,2)
torch.nn.functional.batch_norm(im,None,None,training=True)
torch.nn.functional.layer_norm(x,(2,))
torch.nn.functional.mse_loss(x,x)
torch.nn.functional.l1_loss(x,x)
torch.nn.functional.cross_entropy(x,i[0])
torch.nn.functional.nll_loss(x,i[0])
torch.nn.functional.binary_cross_entropy_with_logits(x,x.sigmoid().detach())
torch.nn.functional.dropout(x,0.5)
""".strip().splitlines()


def names(lib):
    lib.manual_seed(0)
    grad = {"requires_grad": True}
    scope = {
        "torch": lib,
        "x": lib.tensor([[0.3, 0.7], [0.2, 0.9]], **grad),
        "v": lib.tensor([0.5, 0.25], **grad),
        "b": lib.ones(2, 2, 2, **grad),
        "i": lib.tensor([[0, 1], [1, 0]]),
        "im": lib.ones(1, 2, 4, 4, **grad),
        "w2": lib.ones(2, 2, 2, 2, **grad),
    }
    found = {}
    for expression in EXPRESSIONS:
        node = eval(expression, scope).grad_fn
        found[expression] = node and node.name().removeprefix("torch::autograd::")
    return found


def test_names():
    """All in one test: nothing is executed, so it is quick, and the difference is a table."""
    assert names(flambeau) == names(torch)


def test_name_after_release():
    x = flambeau.ones(2, 2, requires_grad=True)
    y = (x @ x).sum()
    node = y.grad_fn.next_functions[0][0]
    assert node.name() == "MmBackward0"
    y.backward()
    assert node.name() == "MmBackward0"
