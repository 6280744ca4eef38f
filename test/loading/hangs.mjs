process.on('message', () => {
  for (;;);
})
