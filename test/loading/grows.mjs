process.on('message', () => {
  for (const all = []; ;) all.push(new Array(1_000).fill(all.length))
})
